// Rebuilds a run from its events (spec/detectors.md 1). Pure. What the result depends on is the set of events, not how
// they came:
//   - They are looked at in the order of (step, timestamp, id), the id being the order of arrival. Events that differ
//     in step or time may arrive in any order, in any batches, at any distance.
//   - An event that equals another one in step, time, type and payload (as stored) is left out, wherever it arrived.
//   - Only among different events with the same step and the same time does the earlier arrival go first: then nothing
//     else says what happened first. A client that numbers its steps or has a clock never depends on it.
// One Replayer per thread; it reuses its memory. A run takes a handful of allocations, however many events it has.
#pragma once

#include <cstddef>
#include <vector>

#include "core/event.hpp"
#include "core/run.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

namespace dunetrace::detect {

// What is beyond this many events is not looked at, and the run says so (plugin-abi.md 11).
constexpr std::size_t kMaxEvents = 20'000;

// As many of a run's events are worth loading: repeats and unknown events among them are not counted against
// kMaxEvents. Of what comes later in the order only the last terminal event and the largest step are used, so the rest
// need not be there.
constexpr std::size_t kMaxLoaded = 22'000;

class Replayer {
 public:
  Replayer();

  // Orders the events by step, time and id, drops exact repeats, and pairs calls with their answers. Nothing a client
  // sent makes it fail: what is missing or of another type reads as its default. A run that was cut ends with its
  // terminal event all the same.
  [[nodiscard]] Run replay(RunEvents events, const Baselines& baselines = {});

 private:
  json::Parser parser_;
  json::Writer writer_;
  std::vector<std::byte> scratch_;
};

}  // namespace dunetrace::detect
