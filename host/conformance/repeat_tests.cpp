// Tests that ask for the same result again: later, elsewhere, and from hosts of another shape.
#include <fmt/format.h>

#include <thread>

#include "conformance/flat_run.hpp"
#include "conformance/session.hpp"
#include "conformance/stage.hpp"
#include "conformance/tests.hpp"
#include "plugin/run_view.hpp"

namespace dunetrace::conformance {
namespace {

constexpr std::size_t kPadding = 24;   // bytes behind every element, as the design has it
constexpr std::size_t kGuarded = 500;  // events of a run whose texts are worth a page each
constexpr std::size_t kTail = 64;      // a host of a few minor versions later

std::string difference(const Sample& sample, std::string_view where, const std::string& first,
                       const std::string& second) {
  return fmt::format("'{}' {} gave {} instead of {}", sample.name, where, second.substr(0, 160), first.substr(0, 160));
}

using View = plugin::RunView;

// Every example on one instance as usual: what the other results are held against. The view is built for the call.
std::vector<std::string> usual_results(Session& session, Stage& stage, const std::vector<Sample>& samples) {
  std::vector<std::string> out;
  for (const auto& sample : samples) {
    session.doing("detect() on '" + sample.name + "'");
    out.push_back(stage.judge(View(sample.run, "default").raw()).text());
  }
  return out;
}

// The results on a host of this shape against those on an ordinary one.
Finding same_on(Session& session, const HostShape& shape, std::string_view where) {
  if (auto read = session.read_given_runs(); !read) return failed(read.error().text);
  return each_component(session, DUNE_IFACE_DETECTOR_V1, [&](const auto& component, const Values& values) -> Finding {
    const auto samples = session.examples(component);
    if (!samples) return failed(samples.error().text);
    const auto usual = Stage::create(component, values);
    if (!usual) return failed(usual.error().text);
    session.doing(fmt::format("create() {}", where));
    const auto other = Stage::create(component, values, shape);
    if (!other) return failed(fmt::format("{}: {}", where, other.error().text));
    const auto expected = usual_results(session, **usual, *samples);
    for (std::size_t i = 0; i < samples->size(); ++i) {
      const auto& sample = (*samples)[i];
      session.doing(fmt::format("detect() on '{}' {}", sample.name, where));
      GuardedMemory memory;
      const View view(sample.run, "default");
      auto as = shape;
      as.guard_texts = as.guard_texts && sample.run.events.size() <= kGuarded;
      const auto found = (*other)->judge(*flatten(view.raw(), as, memory)).text();
      if (found != expected[i]) return failed(difference(sample, where, expected[i], found));
    }
    return passed(fmt::format("{} runs", samples->size()));
  });
}

}  // namespace

Finding test_repeat(Session& session) {
  if (auto read = session.read_given_runs(); !read) return failed(read.error().text);
  return each_component(session, DUNE_IFACE_DETECTOR_V1, [&](const auto& component, const Values& values) -> Finding {
    const auto samples = session.examples(component);
    if (!samples) return failed(samples.error().text);
    const auto first = Stage::create(component, values), second = Stage::create(component, values);
    if (!first || !second) return failed((first ? second : first).error().text);
    const auto expected = usual_results(session, **first, *samples);
    const auto compare = [&](std::size_t i, Stage& stage, std::string_view where) -> std::string {
      const auto& sample = (*samples)[i];
      session.doing(fmt::format("detect() on '{}' {}", sample.name, where));
      const auto found = stage.judge(View(sample.run, "default").raw()).text();
      return found == expected[i] ? std::string() : difference(sample, where, expected[i], found);
    };
    std::string why;
    const auto all = [&](Stage& stage, std::string_view where, bool backwards) {
      for (std::size_t i = 0; i < samples->size() && why.empty(); ++i) {
        why = compare(backwards ? samples->size() - 1 - i : i, stage, where);
        if (!backwards && why.empty()) why = compare(i, stage, "a second time");
      }
    };
    all(**second, "on another instance", false);
    all(**first, "after other runs", true);
    if (why.empty()) std::jthread([&] { all(**first, "on another thread", true); }).join();
    return why.empty() ? passed(fmt::format("{} runs", samples->size())) : failed(why);
  });
}

Finding test_strides(Session& session) { return same_on(session, {.padding = kPadding}, "with padded elements"); }

Finding test_old_host(Session& session) {
  // Version 1.0 is the oldest there is: every record as long as it was then, and an unreadable page behind it.
  const HostShape oldest{.guard_texts = true};
  auto finding = same_on(session, oldest, "on a host of version 1.0");
  if (finding.verdict == Verdict::fail) return finding;
  // An extension may be missing. create() may then fail with a status, and nothing worse.
  const auto without =
      each_component(session, DUNE_IFACE_DETECTOR_V1, [&](const auto& component, const Values& values) {
        session.doing(component.schema.id + ": create() on a host without extensions");
        const auto stage = Stage::create(component, values, {.extensions = false});
        if (!stage && stage.error().text.find("threw") != std::string::npos) return failed(stage.error().text);
        if (stage) {
          for (const auto& sample : example_runs()) {
            session.doing(fmt::format("detect() on '{}' without extensions", sample.name));
            static_cast<void>((*stage)->judge(View(sample.run, "default").raw()));
          }
        }
        return passed();
      });
  return without.verdict == Verdict::fail ? without : finding;
}

Finding test_new_host(Session& session) {
  return same_on(session, {.padding = 16, .tail = kTail, .newer = true}, "on a host of a later minor version");
}

}  // namespace dunetrace::conformance
