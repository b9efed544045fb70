// Tests of what detectors say: signals, evidence, and the texts that explain them.
#include <fmt/format.h>

#include <map>
#include <set>

#include "conformance/guarded_call.hpp"
#include "conformance/session.hpp"
#include "conformance/stage.hpp"
#include "conformance/tests.hpp"
#include "explain/explainer.hpp"
#include "json/reader.hpp"
#include "plugin/run_view.hpp"
#include "plugin/take.hpp"

namespace dunetrace::conformance {
namespace {

constexpr std::size_t kBulk = 2'000;

struct Said {
  std::string sample;
  Judged judged;
};

// Everything the detector says about the runs that `samples` gives, with the values a case asks for.
Result<std::vector<Said>> everything(Session& session, const plugin::Component& component, const Values& values) {
  DUNE_TRY(samples, session.examples(component));
  for (auto& sample : hostile_runs()) samples.push_back(std::move(sample));
  for (auto& sample : bulk_runs(kBulk)) samples.push_back(std::move(sample));
  DUNE_TRY(usual, Stage::create(component, values));
  std::vector<Said> out;
  for (const auto& sample : samples) {
    session.doing(fmt::format("detect() on '{}'", sample.name));
    const plugin::RunView view(sample.run, "default");
    if (!sample.values) {
      out.push_back({sample.name, usual->judge(view.raw())});
      continue;
    }
    DUNE_TRY(special, Stage::create(component, *sample.values));
    out.push_back({sample.name, special->judge(view.raw())});
  }
  return out;
}

// A path of a template is there when its first name is a member of the evidence; what follows may be deeper.
bool has_path(const json::Value& evidence, std::string_view path) {
  json::Value at = evidence;
  for (std::size_t from = 0; from <= path.size();) {
    const auto dot = std::min(path.find('.', from), path.size());
    if (at.is_array()) return at.size() > 0;
    at = at[path.substr(from, dot - from)];
    if (at.missing()) return false;
    from = dot + 1;
  }
  return true;
}

struct Texts {
  std::vector<std::string> breaches;
  std::string all;
};

// explain() as the host calls it; notes what is wrong with its texts.
struct ExplainCalls {
  static Texts& self(dune_explain_out* out) { return *static_cast<Texts*>(out->impl); }
  static void add(dune_explain_out* out, dune_str text) noexcept {
    auto& texts = self(out);
    const auto shown = plugin::view(text);
    if (!is_utf8(shown)) texts.breaches.emplace_back("explain(): a text is not valid UTF-8");
    texts.all.append(shown) += '\n';
  }
  static void set(dune_explain_out* out, dune_str field, dune_str text) noexcept {
    static constexpr std::string_view kFields[] = {"title", "what", "why_it_matters", "evidence_summary"};
    if (std::ranges::find(kFields, plugin::view(field)) == std::end(kFields)) {
      self(out).breaches.emplace_back("explain(): sets a field that is not there: " +
                                      json::repair_utf8(plugin::view(field)));
    }
    add(out, text);
  }
  static void add_fix(dune_explain_out* out, const dune_fix* fix) noexcept {
    for (const auto& text : {fix->description, fix->language, fix->code}) add(out, text);
  }
};

Texts explained(const dune_detector_v1& table, const Signal& signal, const HostShape& shape) {
  GuardedMemory memory;
  FakeHost host(shape, false, memory);
  const auto text = [&](std::string_view from) { return dune_str{memory.copy(from), from.size()}; };
  Texts texts;
  const auto* const in =
      place(dune_explain_in{sizeof(dune_explain_in), static_cast<std::uint32_t>(signal.severity),
                            text(signal.failure_type), text("run-1"), text("check-agent"), text(signal.evidence),
                            signal.confidence, signal.step_index, 0, host.raw()},
            shape, memory);
  auto* const out = place(
      dune_explain_out{sizeof(dune_explain_out), 0, &texts, ExplainCalls::set, ExplainCalls::add_fix}, shape, memory);
  dune_error error{};
  const auto status = guarded(error, [&] { return table.explain(in, out, &error); });
  if (status < 0) texts.all += "failed: " + text_of(status, error);
  if (texts.all.find("threw an") != std::string::npos && status < 0) texts.breaches.push_back(texts.all);
  return texts;
}

}  // namespace

Finding test_evidence(Session& session) {
  if (auto read = session.read_given_runs(); !read) return failed(read.error().text);
  return each_component(session, DUNE_IFACE_DETECTOR_V1, [&](const auto& component, const Values& values) -> Finding {
    const auto said = everything(session, component, values);
    if (!said) return failed(said.error().text);
    std::size_t signals = 0;
    for (const auto& one : *said) {
      if (!one.judged.breaches.empty()) {
        return failed(fmt::format("on '{}': {}", one.sample, one.judged.breaches.front()));
      }
      signals += one.judged.signals.size();
    }
    return passed(fmt::format("{} signals on {} runs", signals, said->size()));
  });
}

Finding test_templates(Session& session) {
  if (auto read = session.read_given_runs(); !read) return failed(read.error().text);
  return each_component(session, DUNE_IFACE_DETECTOR_V1, [&](const auto& component, const Values& values) -> Finding {
    const auto said = everything(session, component, values);
    if (!said) return failed(said.error().text);
    std::map<std::string, std::set<std::string>> missing;  // type → paths not seen yet
    for (const auto& text : component.templates) {
      for (auto& path : explain::evidence_paths(text)) missing[text.signal_type].insert(path);
    }
    std::set<std::string> emitted;
    json::Parser parser;
    for (const auto& one : *said) {
      for (const auto& signal : one.judged.signals) {
        emitted.insert(signal.failure_type);
        const auto evidence = parser.parse(signal.evidence);
        if (evidence) {
          std::erase_if(missing[signal.failure_type], [&](const auto& path) { return has_path(*evidence, path); });
        }
      }
    }
    std::vector<std::string> never;
    for (const auto& text : component.templates) {
      const auto& paths = missing[text.signal_type];
      if (!emitted.contains(text.signal_type)) {
        never.push_back(text.signal_type);
      } else if (!paths.empty()) {
        return failed(fmt::format("{}: the template uses {{{}}}, which no emitted evidence has", text.signal_type,
                                  *paths.begin()));
      }
    }
    if (never.empty()) return passed();
    return skipped(fmt::format("{}: no run made it emit {}; give one with --run or --cases", component.schema.id,
                               fmt::join(never, ", ")));
  });
}

Finding test_explain(Session& session) {
  if (auto read = session.read_given_runs(); !read) return failed(read.error().text);
  return each_component(session, DUNE_IFACE_DETECTOR_V1, [&](const auto& component, const Values& values) -> Finding {
    if (!component.explains) return passed("templates only");
    dune_detector_v1 table{};
    const bool ok = plugin::take(component.vtable, table, sizeof table);
    if (!ok) return passed("templates only");
    const auto said = everything(session, component, values);
    if (!said) return failed(said.error().text);
    std::vector<Signal> signals;
    for (const auto& one : *said) signals.insert(signals.end(), one.judged.signals.begin(), one.judged.signals.end());
    for (const auto& type : component.schema.signal_types) {
      for (const auto* evidence : {"{}", R"({"a":[[[1]]],"tool":null,"count":"many","":1e300})"}) {
        Signal signal;
        signal.failure_type = type;
        signal.evidence = evidence;
        signals.push_back(std::move(signal));
      }
    }
    for (const auto& signal : signals) {
      session.doing("explain() on " + signal.evidence.substr(0, 200));
      const auto first = explained(table, signal, {}), second = explained(table, signal, {.tail = 64, .newer = true});
      if (!first.breaches.empty()) return failed(first.breaches.front());
      if (first.all != second.all) return failed("explain() said something else about the same signal");
    }
    return passed(fmt::format("{} signals", signals.size()));
  });
}

}  // namespace dunetrace::conformance
