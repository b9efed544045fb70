// For the threads of this role: nothing may leave their entry, for one bad_alloc would end the process and with it
// every event that is not in the database yet.
#pragma once

#include <exception>
#include <string_view>
#include <utility>

#include "telemetry/log.hpp"

namespace dunetrace::ingest {

// Does `work`; false when an exception left it, which is then logged under `event`. The caller counts.
template <class F>
bool guarded(telemetry::Logger& log, std::string_view event, F&& work) noexcept {
  const auto say = [&](std::string_view reason) {
    try {
      log.error(event, {{"reason", reason}});
    } catch (...) {  // not even memory for the line: the counter tells
    }
  };
  try {
    std::forward<F>(work)();
    return true;
  } catch (const std::exception& error) {
    say(error.what());
  } catch (...) {
    say("an exception that is no std::exception");
  }
  return false;
}

}  // namespace dunetrace::ingest
