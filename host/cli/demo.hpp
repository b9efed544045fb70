// Plays the demo's runs against an ingest port, as clients would.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "core/clock.hpp"
#include "core/result.hpp"

namespace dunetrace::cli {

struct DemoOptions {
  std::string ingest_url;                      // http://host:port
  std::string api_key;                         // empty in dev mode
  std::chrono::milliseconds play_time{8'000};  // the runs are spread over it
};

struct DemoResult {
  std::size_t runs = 0, events = 0;
};

// `progress` gets (runs sent, runs in all). Ends early, without error, when stopped.
[[nodiscard]] Result<DemoResult> play_demo(const DemoOptions& options, const Clock& clock, std::stop_token stop,
                                           const std::function<void(std::size_t, std::size_t)>& progress);

}  // namespace dunetrace::cli
