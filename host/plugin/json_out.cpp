#include "plugin/json_out.hpp"

#include "plugin/take.hpp"

namespace dunetrace::plugin {
namespace {

constexpr std::size_t kMaxOpen = 64;  // deeper than anything that is accepted in the end

// jsonb refuses U+0000, so a text loses it here.
std::string clean(dune_str s) {
  std::string text(view(s));
  std::erase(text, '\0');
  return text;
}

}  // namespace

// The C callbacks. Each is noexcept: nothing of ours may throw through a plugin's frames.
struct JsonCalls {
  // Runs `write` on the writer unless the text has grown too large already.
  template <class F>
  static void on(dune_json* json, F write) noexcept {
    auto& out = *static_cast<JsonOut*>(json->impl);
    if (out.oversize_) return;
    try {
      write(out.writer_);
      out.oversize_ = out.writer_.text().size() > out.max_bytes_ || out.writer_.depth() > kMaxOpen;
    } catch (...) {
      out.oversize_ = true;
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
    on(j, [&](json::Writer& w) { w.key(clean(s)); });
  }
  static void str(dune_json* j, dune_str s) noexcept {
    on(j, [&](json::Writer& w) { s.ptr == nullptr ? w.null() : w.string(clean(s)); });
  }
  static void i64(dune_json* j, std::int64_t v) noexcept {
    on(j, [&](json::Writer& w) { w.integer(v); });
  }
  static void f64(dune_json* j, double v) noexcept {
    on(j, [&](json::Writer& w) { w.real(v); });
  }
  static void boolean(dune_json* j, std::uint32_t v) noexcept {
    on(j, [&](json::Writer& w) { w.boolean(v != 0); });
  }
  static void null(dune_json* j) noexcept {
    on(j, [](json::Writer& w) { w.null(); });
  }
  static void raw(dune_json* j, dune_str s) noexcept {
    on(j, [&](json::Writer& w) { w.raw(view(s)); });
  }
};

JsonOut::JsonOut(std::size_t max_bytes) : max_bytes_(max_bytes) {
  json_ = {sizeof json_,
           0,
           this,
           JsonCalls::begin_object,
           JsonCalls::end_object,
           JsonCalls::begin_array,
           JsonCalls::end_array,
           JsonCalls::key,
           JsonCalls::str,
           JsonCalls::i64,
           JsonCalls::f64,
           JsonCalls::boolean,
           JsonCalls::null,
           JsonCalls::raw};
}

}  // namespace dunetrace::plugin
