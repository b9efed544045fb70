// Tests of how long a call takes. The machine may be busy, so the best of several counts, and the parent asks again
// before it believes a failure.
#include <fmt/format.h>

#include <algorithm>

#include "conformance/session.hpp"
#include "conformance/stage.hpp"
#include "conformance/tests.hpp"
#include "plugin/run_view.hpp"

namespace dunetrace::conformance {
namespace {

constexpr double kCancelMs = 50;
constexpr std::size_t kLongest = 20'000;  // events: the host passes no longer run
constexpr double kBudgetMs = 5;           // a tenth of the default deadline
constexpr std::size_t kBudgetEvents = 200;
constexpr int kTimes = 21;

}  // namespace

Finding test_cancellation(Session& session) {
  auto samples = bulk_runs(kLongest);
  samples.push_back(ordinary_run(kLongest));
  return each_component(session, DUNE_IFACE_DETECTOR_V1, [&](const auto& component, const Values& values) -> Finding {
    const auto stage = Stage::create(component, values);
    if (!stage) return failed(stage.error().text);
    double longest = 0;
    for (const auto& sample : samples) {
      session.doing(fmt::format("detect() on '{}', cancelled from the start", sample.name));
      const plugin::RunView view(sample.run, "default");
      double best = (*stage)->judge(view.raw(), true).ms;
      for (int i = 0; i < 2 && best > kCancelMs; ++i) best = std::min(best, (*stage)->judge(view.raw(), true).ms);
      if (best > kCancelMs)
        return failed(fmt::format("'{}' took {:.0f} ms although it was cancelled", sample.name, best));
      longest = std::max(longest, best);
    }
    return passed(fmt::format("{:.1f} ms at most", longest));
  });
}

Finding test_budget(Session& session) {
  const auto sample = ordinary_run(kBudgetEvents);
  return each_component(session, DUNE_IFACE_DETECTOR_V1, [&](const auto& component, const Values& values) -> Finding {
    const auto stage = Stage::create(component, values);
    if (!stage) return failed(stage.error().text);
    session.doing(fmt::format("detect() on a run of {} events", kBudgetEvents));
    const plugin::RunView view(sample.run, "default");
    std::vector<double> took;
    for (int i = 0; i < kTimes; ++i) took.push_back((*stage)->judge(view.raw()).ms);
    std::ranges::nth_element(took, took.begin() + kTimes / 2);
    const double median = took[kTimes / 2];
    if (median > kBudgetMs) return failed(fmt::format("{:.1f} ms", median));
    return passed(fmt::format("{:.0f} us", median * 1000));
  });
}

}  // namespace dunetrace::conformance
