// Routes of one port: method + template → handler. Fixed parts win over {parts}.
//   router.get("/v1/runs/{run_id}", handler);      answers HEAD too
// Unknown path → 404 {"detail":"Not Found"}, known path with another method → 405 with Allow.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "http/message.hpp"

namespace dunetrace::http {

// Runs on the thread that read the request and must not block: no database, no disk sync, no network.
using AsyncHandler = std::function<void(Request, Responder)>;

// Runs on the server's bounded worker pool and may block. Full pool → 503 with Retry-After. An exception or a
// Responder that is dropped is a 500 with a fixed body; the cause goes to the log with the request id.
using BlockingHandler = std::function<Response(const Request&)>;

class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  void add(Method method, std::string_view route, AsyncHandler handler);
  void add_blocking(Method method, std::string_view route, BlockingHandler handler);
  void get(std::string_view route, BlockingHandler handler) { add_blocking(Method::get, route, std::move(handler)); }
  void post(std::string_view route, BlockingHandler handler) { add_blocking(Method::post, route, std::move(handler)); }

  // Answers every path that no route matches (the dashboard's page); GET and HEAD only.
  void fallback(AsyncHandler handler);

  struct Match;
  // For the server. `path` is still percent-encoded, so that "%2F" stays inside its segment.
  [[nodiscard]] Match match(Method method, std::string_view path) const;
  // Every template once, for the metrics.
  [[nodiscard]] std::vector<std::string> routes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunetrace::http
