#include "conformance/recorder.hpp"

#include <fmt/format.h>

#include <cmath>

#include "conformance/fake_host.hpp"
#include "plugin/take.hpp"

namespace dunetrace::conformance {
namespace {

constexpr std::size_t kMaxBreaches = 4;  // a loop makes thousands

void note(std::vector<std::string>& breaches, std::string text) noexcept {
  try {
    if (breaches.size() < kMaxBreaches) breaches.push_back(std::move(text));
  } catch (...) {  // without memory there is nothing to note
  }
}

void check_text(std::vector<std::string>& breaches, dune_str s, const char* what) noexcept {
  if (s.ptr == nullptr && s.len > 0) note(breaches, fmt::format("{} has a length without text", what));
  if (s.ptr != nullptr && !is_utf8(plugin::view(s))) note(breaches, fmt::format("{} is not valid UTF-8", what));
}

}  // namespace

struct RecorderCalls {
  static Recorder& self(const dune_json* j) { return *static_cast<Recorder*>(j->impl); }
  static Recorder& self(const dune_sink* s) { return *static_cast<Recorder*>(s->impl); }
  // A cancelled call is timed, and what the host does with its evidence is not the plugin's time.
  static void nothing(dune_json*) noexcept {}
  static void no_text(dune_json*, dune_str) noexcept {}
  static void no_integer(dune_json*, std::int64_t) noexcept {}
  static void no_number(dune_json*, double) noexcept {}
  static void no_boolean(dune_json*, std::uint32_t) noexcept {}

  static dune_json* inner(const dune_json* j) { return self(j).inner_.raw()->evidence; }

  static void begin_object(dune_json* j) noexcept { inner(j)->begin_object(inner(j)); }
  static void end_object(dune_json* j) noexcept { inner(j)->end_object(inner(j)); }
  static void begin_array(dune_json* j) noexcept { inner(j)->begin_array(inner(j)); }
  static void end_array(dune_json* j) noexcept { inner(j)->end_array(inner(j)); }
  static void key(dune_json* j, dune_str s) noexcept {
    check_text(self(j).breaches_, s, "a key of the evidence");
    inner(j)->key(inner(j), s);
  }
  static void str(dune_json* j, dune_str s) noexcept {
    check_text(self(j).breaches_, s, "a text of the evidence");
    inner(j)->str(inner(j), s);
  }
  static void i64(dune_json* j, std::int64_t v) noexcept { inner(j)->i64(inner(j), v); }
  static void f64(dune_json* j, double v) noexcept {
    if (!std::isfinite(v)) note(self(j).breaches_, "a number of the evidence is not finite");
    inner(j)->f64(inner(j), v);
  }
  static void boolean(dune_json* j, std::uint32_t v) noexcept {
    if (v > 1) note(self(j).breaches_, fmt::format("a boolean of the evidence is {}", v));
    inner(j)->boolean(inner(j), v);
  }
  static void null(dune_json* j) noexcept { inner(j)->null(inner(j)); }
  static void raw(dune_json* j, dune_str s) noexcept {
    check_text(self(j).breaches_, s, "raw JSON of the evidence");
    inner(j)->raw(inner(j), s);
  }
  static dune_status emit(dune_sink* s, const dune_signal* signal) noexcept {
    auto& recorder = self(s);
    if (recorder.cancelled_) return DUNE_OK;
    dune_signal given{};
    if (plugin::take(signal, given, offsetof(dune_signal, evidence_json) + sizeof(dune_str))) {
      check_text(recorder.breaches_, given.type, "a signal's type");
      check_text(recorder.breaches_, given.evidence_json, "evidence_json");
    }
    return recorder.inner_.raw()->emit(recorder.inner_.raw(), signal);
  }
  static std::uint32_t cancelled(dune_sink* s) noexcept { return self(s).cancelled_ ? 1 : 0; }
};

Recorder::Recorder(const plugin::Component& component, std::int32_t current_step, bool cancelled,
                   const HostShape& shape, GuardedMemory& memory)
    : inner_(component, current_step, [] { return false; }), cancelled_(cancelled) {
  using Calls = RecorderCalls;
  static constexpr dune_json kWriter = {
      sizeof(dune_json), 0,          nullptr,    Calls::begin_object, Calls::end_object, Calls::begin_array,
      Calls::end_array,  Calls::key, Calls::str, Calls::i64,          Calls::f64,        Calls::boolean,
      Calls::null,       Calls::raw};
  static constexpr dune_json kDeaf = {sizeof(dune_json), 0,
                                      nullptr,           Calls::nothing,
                                      Calls::nothing,    Calls::nothing,
                                      Calls::nothing,    Calls::no_text,
                                      Calls::no_text,    Calls::no_integer,
                                      Calls::no_number,  Calls::no_boolean,
                                      Calls::nothing,    Calls::no_text};
  dune_json writer = cancelled ? kDeaf : kWriter;
  writer.impl = this;
  json_ = place(writer, shape, memory);
  sink_ = place(dune_sink{sizeof(dune_sink), 0, this, json_, Calls::emit, Calls::cancelled}, shape, memory);
}

std::vector<std::string> Recorder::breaches() const {
  auto out = breaches_;
  if (!inner_.violation().empty()) out.push_back(inner_.violation());
  return out;
}

struct ResultCalls {
  static ResultWriter& self(const dune_json* j) { return *static_cast<ResultWriter*>(j->impl); }
  template <class F>
  static void on(dune_json* j, F write) noexcept {
    try {
      write(self(j).writer_);
    } catch (...) {
      note(self(j).breaches_, "the result is too large");
    }
  }
  static void begin_object(dune_json* j) noexcept {
    on(j, [](json::Writer& w) { w.begin_object(); });
  }
  static void end_object(dune_json* j) noexcept {
    on(j, [](json::Writer& w) { w.end_object(); });
  }
  static void begin_array(dune_json* j) noexcept {
    on(j, [](json::Writer& w) { w.begin_array(); });
  }
  static void end_array(dune_json* j) noexcept {
    on(j, [](json::Writer& w) { w.end_array(); });
  }
  static void key(dune_json* j, dune_str s) noexcept {
    check_text(self(j).breaches_, s, "a key of the result");
    on(j, [&](json::Writer& w) { w.key(plugin::view(s)); });
  }
  static void str(dune_json* j, dune_str s) noexcept {
    check_text(self(j).breaches_, s, "a text of the result");
    on(j, [&](json::Writer& w) { w.string(plugin::view(s)); });
  }
  static void i64(dune_json* j, std::int64_t v) noexcept {
    on(j, [&](json::Writer& w) { w.integer(v); });
  }
  static void f64(dune_json* j, double v) noexcept {
    if (!std::isfinite(v)) note(self(j).breaches_, "a number of the result is not finite");
    on(j, [&](json::Writer& w) { w.real(v); });
  }
  static void boolean(dune_json* j, std::uint32_t v) noexcept {
    on(j, [&](json::Writer& w) { w.boolean(v != 0); });
  }
  static void null(dune_json* j) noexcept {
    on(j, [](json::Writer& w) { w.null(); });
  }
  static void raw(dune_json* j, dune_str s) noexcept {
    check_text(self(j).breaches_, s, "raw JSON of the result");
    on(j, [&](json::Writer& w) { w.raw(plugin::view(s)); });
  }
};

ResultWriter::ResultWriter(const HostShape& shape, GuardedMemory& memory) {
  using Calls = ResultCalls;
  json_ = place(dune_json{sizeof(dune_json), 0, this, Calls::begin_object, Calls::end_object, Calls::begin_array,
                          Calls::end_array, Calls::key, Calls::str, Calls::i64, Calls::f64, Calls::boolean, Calls::null,
                          Calls::raw},
                shape, memory);
}

}  // namespace dunetrace::conformance
