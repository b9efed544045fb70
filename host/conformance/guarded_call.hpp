// Calling a plugin's function: exceptions that it lets out, and the text of its failures.
#pragma once

#include <dunetrace/plugin.h>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <string>

#include "json/writer.hpp"

namespace dunetrace::conformance {

template <class F>
dune_status guarded(dune_error& error, F&& call) {
  const auto threw = [&](const std::string& what) {
    error.message_len = static_cast<std::uint32_t>(std::min(what.size(), sizeof error.message));
    std::copy_n(what.data(), error.message_len, error.message);
    return DUNE_E_INTERNAL;
  };
  try {
    return call();
  } catch (const std::exception& thrown) {
    return threw(fmt::format("threw an exception: {}", thrown.what()));
  } catch (...) {
    return threw("threw an unknown exception");
  }
}

// The plugin's text of a failure, repaired.
[[nodiscard]] inline std::string text_of(dune_status status, const dune_error& error) {
  const auto length = std::min<std::size_t>(error.message_len, sizeof error.message);
  if (length == 0) return fmt::format("status {}", status);
  return fmt::format("status {}: {}", status, json::repair_utf8({error.message, length}));
}

}  // namespace dunetrace::conformance
