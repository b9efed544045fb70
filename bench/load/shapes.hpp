// What the load consists of: batches cut from one stream of runs, ready as HTTP bodies and as rows for COPY. A batch is
// used again and again; its run ids are made new each time (a lap), so that no two laps share a run. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace dunetrace::load {

// A text with UUIDs in it whose first eight digits are written anew for every lap.
class LapText {
 public:
  void append(std::string_view text) { text_ += text; }
  void append_id(std::string_view uuid);
  // Valid until the next call.
  [[nodiscard]] std::string_view of_lap(std::uint32_t lap);

 private:
  struct Place {
    std::uint32_t at = 0;
    std::uint32_t digits = 0;  // as a number
  };
  std::string text_;
  std::vector<Place> places_;
};

struct Batch {
  LapText body;  // of POST /v1/ingest
  LapText rows;  // the same events in the text format of COPY, columns as in kCopyColumns
  std::size_t events = 0;
};

inline constexpr const char* kCopyColumns =
    "customer_id, batch_id, event_type, run_id, agent_id, agent_version, step_index, \"timestamp\", payload, "
    "parent_run_id";

// Cuts the runs of *.ndjson(.gz) files (a run per line, with "events") into batches of `batch_events`; without files,
// made-up runs of a like shape.
[[nodiscard]] Result<std::vector<Batch>> make_batches(const std::vector<std::filesystem::path>& files,
                                                      std::size_t batch_events);

}  // namespace dunetrace::load
