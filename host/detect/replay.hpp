// Rebuilds a run from its events (spec/detectors.md 1). Pure: same events, same run, in whatever order they came.
// One Replayer per thread; it reuses its JSON parser.
#pragma once

#include "core/event.hpp"
#include "core/run.hpp"
#include "json/reader.hpp"

namespace dunetrace::detect {

// What is beyond this many events is not looked at, and the run says so (plugin-abi.md 11).
constexpr std::size_t kMaxEvents = 20'000;

// As many of a run's events are worth loading: repeats and unknown events among them are not counted against
// kMaxEvents. Of what comes later in the order only the last terminal event and the largest step are used, so the rest
// need not be there.
constexpr std::size_t kMaxLoaded = 22'000;

class Replayer {
 public:
  // Orders the events by step, time and id, drops exact repeats, and pairs calls with their answers. Nothing a client
  // sent makes it fail: what is missing or of another type reads as its default. A run that was cut ends with its
  // terminal event all the same.
  [[nodiscard]] Run replay(RunEvents events, const Baselines& baselines = {});

 private:
  json::Parser parser_;
};

}  // namespace dunetrace::detect
