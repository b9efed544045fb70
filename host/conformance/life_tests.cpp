// Tests of instances: that they leave nothing behind, and that several can live at once.
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "conformance/adapters.hpp"
#include "conformance/session.hpp"
#include "conformance/stage.hpp"
#include "conformance/tests.hpp"
#include "plugin/run_view.hpp"

#ifdef __SANITIZE_ADDRESS__
extern "C" void __sanitizer_purge_allocator();  // its header does not come with every g++
#endif

namespace dunetrace::conformance {
namespace {

constexpr int kRepeats = 1000;
constexpr int kWarmUp = 100;                   // caches and buffers that are made once
constexpr std::size_t kGrowth = 8 * 1024;      // bytes in a thousand repeats: less than one small block each
constexpr std::size_t kGrowthOfRss = 4 << 20;  // where the heap cannot be asked
constexpr int kThreads = 4;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kOwnHeap = true;  // a sanitizer's, which knows no mallinfo
#else
constexpr bool kOwnHeap = false;
#endif

std::size_t heap_bytes() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

std::size_t resident_bytes() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_purge_allocator();  // it keeps what was freed, to find whoever uses it still
#endif
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// What a thousand calls of `step` leave behind; empty when it is nothing to speak of.
template <class F>
std::string left_behind(F&& step) {
  for (int i = 0; i < kWarmUp; ++i) step();
  const auto heap = heap_bytes(), resident = resident_bytes();
  for (int i = 0; i < kRepeats; ++i) step();
  const auto more = heap_bytes() > heap ? heap_bytes() - heap : 0;
  if (!kOwnHeap && more > kGrowth) return fmt::format("{} bytes of heap more after {} times", more, kRepeats);
  const auto pages = resident_bytes() > resident ? resident_bytes() - resident : 0;
  if (pages > kGrowthOfRss) return fmt::format("{} kB of memory more after {} times", pages / 1024, kRepeats);
  return {};
}

}  // namespace

Finding test_lifecycle(Session& session) {
  const auto look = [&](const plugin::Component& component, const Values& values) -> Finding {
    session.doing(component.schema.id + ": create() and destroy() over and over");
    Maker maker(component, values);
    std::string why;
    auto found = left_behind([&] {
      if (why.empty()) why = maker.make_and_destroy();
    });
    if (!why.empty()) return failed(why, "create() must take the values that validate() accepts");
    return found.empty() ? passed() : failed(found);
  };
  for (const auto* interface : {DUNE_IFACE_DETECTOR_V1, DUNE_IFACE_ALERT_V1, DUNE_IFACE_INTEGRATION_V1}) {
    auto finding = each_component(session, interface, look);
    if (finding.verdict == Verdict::fail) return finding;
  }
  return passed();
}

Finding test_growth(Session& session) {
  const auto examples = example_runs();
  return each_component(session, DUNE_IFACE_DETECTOR_V1, [&](const auto& component, const Values& values) -> Finding {
    const auto stage = Stage::create(component, values);
    if (!stage) return failed(stage.error().text);
    std::vector<std::unique_ptr<plugin::RunView>> views;
    for (const auto& one : examples) views.push_back(std::make_unique<plugin::RunView>(one.run, "default"));
    session.doing(component.schema.id + ": detect() over and over");
    std::size_t turn = 0;
    auto found = left_behind([&] { static_cast<void>((*stage)->judge(views[turn++ % views.size()]->raw())); });
    return found.empty() ? passed() : failed(found);
  });
}

Finding test_parallel(Session& session) {
  const auto examples = example_runs();
  return each_component(session, DUNE_IFACE_DETECTOR_V1, [&](const auto& component, const Values& values) -> Finding {
    std::vector<std::unique_ptr<plugin::RunView>> views;
    std::vector<std::string> alone;
    const auto stage = Stage::create(component, values);
    if (!stage) return failed(stage.error().text);
    for (const auto& one : examples) {
      session.doing(component.schema.id + ": detect() on '" + one.name + "'");
      views.push_back(std::make_unique<plugin::RunView>(one.run, "default"));
      alone.push_back((*stage)->judge(views.back()->raw()).text());
    }
    session.doing(component.schema.id + ": four instances at once");
    std::atomic<int> wrong{-1};
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
          const auto own = Stage::create(component, values);
          for (std::size_t i = 0; own && i < views.size() * 20; ++i) {
            const auto at = (i + static_cast<std::size_t>(t) * 5) % views.size();  // each thread is at another run
            if ((*own)->judge(views[at]->raw()).text() != alone[at]) wrong = static_cast<int>(at);
          }
          if (!own) wrong = 0;
        });
      }
    }
    if (wrong >= 0) {
      return failed(fmt::format("'{}' came out differently while other threads were at work",
                                examples[static_cast<std::size_t>(wrong.load())].name));
    }
    return passed();
  });
}

}  // namespace dunetrace::conformance
