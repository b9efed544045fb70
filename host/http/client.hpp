// Outgoing HTTP, blocking, for command-line tools and the demo. No redirects, no proxy from the environment, http and
// https only, response capped. One client per thread; keeps its connection.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "http/message.hpp"

namespace dunetrace::http {

struct ClientResponse {
  int status = 0;
  std::string body;
};

class Client {
 public:
  Client();
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // Transport problems are errors (Code::unavailable, Code::timeout); any HTTP status is a response.
  [[nodiscard]] Result<ClientResponse> send(Method method, const std::string& url, const Headers& headers,
                                            std::string_view body, std::chrono::milliseconds timeout);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunetrace::http
