#include "api/answers.hpp"

#include <cmath>

namespace dunetrace::api {

http::Response database_away() {
  return http::Response::error(503, "Service temporarily unavailable").with("Retry-After", "1");
}

http::Response refuse(const Error& error, const http::Request& request, telemetry::Logger& log) {
  switch (error.code) {
    case Code::invalid_argument:
      return http::Response::error(422, error.text);
    case Code::not_found:
      return http::Response::error(404, error.text);
    case Code::conflict:
      return http::Response::error(409, error.text);
    case Code::denied:
      return http::Response::error(403, error.text);
    case Code::unavailable:
    case Code::timeout:
      log.warn("api.database_away", {{"reason", error.text}, {"request_id", request.request_id}});
      return database_away();
    case Code::internal:
      break;
  }
  log.error("api.failed", {{"reason", error.text}, {"route", request.route}, {"request_id", request.request_id}});
  return http::Response::error(500, "Internal Server Error");
}

void write_page(json::Writer& out, const store::PageRequest& page, std::int64_t total) {
  out.key("page");
  out.begin_object();
  out.field("total", total);
  out.field("offset", page.offset);
  out.field("limit", page.limit);
  // offset + limit could overflow; total and limit are small.
  out.field("has_more", page.offset < total - page.limit);
  out.end_object();
}

void write_optional(json::Writer& out, std::string_view name, const std::optional<std::string>& value) {
  value ? out.field(name, *value) : out.field_null(name);
}

void write_optional(json::Writer& out, std::string_view name, const std::optional<double>& value) {
  value ? out.field(name, *value) : out.field_null(name);
}

double rounded4(double value) { return std::round(value * 1e4) / 1e4; }

}  // namespace dunetrace::api
