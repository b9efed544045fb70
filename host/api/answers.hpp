// Pieces of answers that the resources share. Pure but for the log line of an internal error; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "http/message.hpp"
#include "json/writer.hpp"
#include "store/read_scope.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::api {

// The one table from Code to status. The text of an error reaches the client only where it was written for it.
[[nodiscard]] http::Response refuse(const Error& error, const http::Request& request, telemetry::Logger& log);

[[nodiscard]] http::Response database_away();

// "page": {"total", "offset", "limit", "has_more"}
void write_page(json::Writer& out, const store::PageRequest& page, std::int64_t total);

void write_optional(json::Writer& out, std::string_view name, const std::optional<std::string>& value);
void write_optional(json::Writer& out, std::string_view name, const std::optional<double>& value);

// 0.76669997 → 0.7667: confidences are stored as 4-byte floats.
[[nodiscard]] double rounded4(double value);

}  // namespace dunetrace::api
