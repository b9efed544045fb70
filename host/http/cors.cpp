#include "http/cors.hpp"

#include <algorithm>

namespace dunetrace::http {
namespace {

constexpr std::string_view kPreflightSeconds =
    "600";  // browsers cap it at two hours or less; a changed setting shows soon

}  // namespace

bool origin_allowed(const Cors& cors, std::string_view origin) {
  if (origin.empty()) return false;
  return cors.any_origin || std::ranges::find(cors.origins, origin) != cors.origins.end();
}

void add_cors_headers(const Cors& cors, std::string_view origin, Headers& headers) {
  if (!cors.any_origin && !cors.origins.empty()) headers.emplace_back("Vary", "Origin");
  if (!origin_allowed(cors, origin)) return;
  headers.emplace_back("Access-Control-Allow-Origin", cors.any_origin ? "*" : std::string(origin));
  headers.emplace_back("Access-Control-Expose-Headers", "X-Request-Id, Retry-After");
}

Response preflight(const Cors& cors, std::string_view origin) {
  if (!origin_allowed(cors, origin)) return Response::error(403, "This origin is not allowed");
  Response response;
  response.status = 204;
  response.headers = {{"Access-Control-Allow-Methods", cors.methods},
                      {"Access-Control-Allow-Headers", cors.headers},
                      {"Access-Control-Max-Age", std::string(kPreflightSeconds)}};
  return response;
}

}  // namespace dunetrace::http
