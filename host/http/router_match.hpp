// What Router::match found. Internal to http/.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "http/router.hpp"

namespace dunetrace::http {

// Metric labels for requests that belong to no template.
constexpr std::string_view kUnmatchedRoute = "unmatched";
constexpr std::string_view kFallbackRoute = "fallback";

// One of the two is set.
struct RouteHandler {
  AsyncHandler async;
  BlockingHandler blocking;
  explicit operator bool() const { return async || blocking; }
};

struct Router::Match {
  enum class Kind : unsigned char { found, unknown_path, wrong_method, malformed_path };
  Kind kind = Kind::unknown_path;
  const RouteHandler* handler = nullptr;  // lives as long as the router
  std::string_view route = kUnmatchedRoute;
  std::map<std::string, std::string, std::less<>> params;
  std::string allow;  // "GET, HEAD, OPTIONS" whenever the path is known
};

}  // namespace dunetrace::http
