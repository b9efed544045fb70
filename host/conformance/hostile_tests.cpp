// Tests with runs that nobody would send, values at the ends of their ranges, guarded memory and a guarded kernel.
#include <fmt/format.h>

#include "conformance/faults.hpp"
#include "conformance/flat_run.hpp"
#include "conformance/session.hpp"
#include "conformance/stage.hpp"
#include "conformance/tests.hpp"
#include "plugin/run_view.hpp"

namespace dunetrace::conformance {
namespace {

constexpr std::size_t kBulk = 100'000;        // elements; the host passes at most a fifth of it
constexpr std::size_t kSmallBulk = 2'000;     // where a run is judged many times
constexpr std::size_t kLongText = 32 * 1024;  // texts that are not copied a page at a time

using View = plugin::RunView;

// Why this outcome is none; empty when it is one. What is too large may be refused; a failure that follows from a
// signal the host refused is the matter of another test.
std::string wrong(const Judged& judged, bool large) {
  if (judged.status == DUNE_OK || !judged.breaches.empty()) return {};
  if (large && (judged.status == DUNE_E_LIMIT || judged.status == DUNE_E_CANCELLED)) return {};
  return judged.error;
}

std::string judge_all(Session& session, Stage& stage, const std::vector<Sample>& samples, bool large,
                      std::string_view with) {
  for (const auto& sample : samples) {
    session.doing(fmt::format("detect() on '{}'{}", sample.name, with));
    if (const auto why = wrong(stage.judge(View(sample.run, "default").raw()), large); !why.empty()) {
      return fmt::format("detect() on '{}'{}: {}", sample.name, with, why);
    }
  }
  return {};
}

bool has_long_text(const Run& run) { return run.agent_id.size() > kLongText; }

}  // namespace

Finding test_hostile_runs(Session& session) {
  const auto hostile = hostile_runs();
  const auto bulk = bulk_runs(kBulk);
  return each_component(session, DUNE_IFACE_DETECTOR_V1, [&](const auto& component, const Values& values) -> Finding {
    const auto stage = Stage::create(component, values);
    if (!stage) return failed(stage.error().text);
    auto why = judge_all(session, **stage, hostile, false, "");
    if (why.empty()) why = judge_all(session, **stage, bulk, true, "");
    session.doing("destroy()");
    return why.empty() ? passed() : failed(why);
  });
}

Finding test_hostile_parameters(Session& session) {
  auto samples = hostile_runs();
  std::erase_if(samples, [](const Sample& sample) { return has_long_text(sample.run); });
  for (auto& sample : example_runs()) samples.push_back(std::move(sample));
  for (auto& sample : bulk_runs(kSmallBulk)) samples.push_back(std::move(sample));
  return each_component(session, DUNE_IFACE_DETECTOR_V1, [&](const auto& component, const Values& values) -> Finding {
    std::size_t refused = 0;
    const auto variants = extreme_values(component.schema, values);
    for (const auto& variant : variants) {
      session.doing("validate() with " + variant.name);
      if (!Stage::refusal(component, variant.values).empty()) {
        ++refused;  // the plugin's own rule over several values; it said so in words
        continue;
      }
      session.doing("create() with " + variant.name);
      const auto stage = Stage::create(component, variant.values);
      if (!stage) {
        return failed(fmt::format("{}, with {}", stage.error().text, variant.name),
                      "refuse combinations of values in validate(), not in create()");
      }
      const auto why = judge_all(session, **stage, samples, true, ", " + variant.name);
      if (!why.empty()) return failed(why);
    }
    return passed(fmt::format("{} sets of values, {} refused by validate()", variants.size(), refused));
  });
}

Finding test_memory(Session& session) {
  auto samples = hostile_runs();
  std::erase_if(samples, [](const Sample& sample) { return has_long_text(sample.run); });
  for (auto& sample : example_runs()) samples.push_back(std::move(sample));
  if (const auto loaded = session.library(); !loaded) return failed(loaded.error().text);
  watch_memory(session.board());
  return each_component(session, DUNE_IFACE_DETECTOR_V1, [&](const auto& component, const Values& values) -> Finding {
    session.doing(component.schema.id + ": create() with guarded values");
    const HostShape shape{.guard_texts = true};
    std::vector<std::unique_ptr<GuardedMemory>> past;  // earlier runs: there, but unreadable
    auto stage = Stage::create(component, values, shape, true);
    if (!stage) return failed(stage.error().text);
    for (const auto& sample : samples) {
      past.push_back(std::make_unique<GuardedMemory>(std::size_t{32} << 20));
      auto& memory = *past.back();
      const View view(sample.run, "default");
      const auto* const run = flatten(view.raw(), shape, memory);
      memory.read_only();
      session.doing(fmt::format("detect() on '{}' in guarded memory", sample.name));
      watch_current(&memory);
      static_cast<void>((*stage)->judge(*run));
      watch_current(nullptr);
      memory.unreadable();
    }
    session.doing(component.schema.id + ": destroy() after the runs have gone");
    stage->reset();
    return passed(fmt::format("{} runs", samples.size()));
  });
}

Finding test_syscalls(Session& session) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static_cast<void>(session);
  return skipped("this is a sanitizer build, whose runtime makes system calls of its own");
#else
  auto samples = example_runs();
  for (auto& sample : hostile_runs()) samples.push_back(std::move(sample));
  bool ready = false;
  std::string unavailable;
  auto finding =
      each_component(session, DUNE_IFACE_DETECTOR_V1, [&](const auto& component, const Values& values) -> Finding {
        const auto stage = Stage::create(component, values);
        if (!stage) return failed(stage.error().text);
        if (!ready) {
          session.doing("forbidding system calls");
          if (auto done = forbid_system_calls(session.board()); !done) {
            return skipped(done.error().text);
          }
          ready = true;
        }
        for (const auto& sample : samples) {
          session.doing(fmt::format("detect() on '{}'", sample.name));
          static_cast<void>((*stage)->judge(View(sample.run, "default").raw()));
        }
        session.doing("ending");
        return passed(fmt::format("{} runs", samples.size()));
      });
  return finding;
#endif
}

}  // namespace dunetrace::conformance
