// A real server on a loopback port and clients that speak raw bytes, so that a test can misbehave as it likes.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/fd.hpp"
#include "http/server.hpp"
#include "testing/test_log.hpp"

namespace dunetrace::http {

struct Answer {
  int status = 0;
  std::string head;  // with the status line
  std::string body;
  // Case-insensitive; empty when absent.
  [[nodiscard]] std::string header(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
};

// One connection. Everything waits at most 10 s.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, const std::string& address = "127.0.0.1", int receive_bytes = 0);
  [[nodiscard]] bool connected() const { return static_cast<bool>(fd_); }
  // False when the connection is gone.
  bool send(std::string_view bytes) const;
  // The next answer with a Content-Length (or without a body); nothing when the connection ends or the time is over.
  std::optional<Answer> read(bool head_request = false);
  // Everything until the server closes; nothing when it does not.
  std::optional<std::string> read_to_end();
  void stop_sending() const;  // half-close
  void reset();               // hard: the server sees a connection reset
  [[nodiscard]] int fd() const { return fd_.get(); }
  Answer ask(std::string_view request);  // send + read; status 0 when there is no answer

 private:
  bool fill();  // reads some more; false at the end
  Fd fd_;
  std::string buffer_;
};

[[nodiscard]] std::string get_request(std::string_view target, std::string_view headers = {});
[[nodiscard]] std::string post_request(std::string_view target, std::string_view body, std::string_view headers = {});

// A server with the routes the tests share:
//   POST /echo           the body, on the reading thread            GET /text/{n}     n bytes of JSON text
//   POST /echo-blocking  the body, on a worker                      GET /part/{a}     the decoded part
//   GET /async           answered from a thread of its own          GET /slow         after release()
//   GET /throws          an exception     GET /throws-oddly  not a std::exception     GET /dropped  no answer
class TestServer {
 public:
  explicit TestServer(ServerOptions options = {}, Router router = Router());
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] Server& server() { return *server_; }
  void close() { server_.reset(); }
  // How many requests wait in /slow.
  [[nodiscard]] int waiting() const;
  // Lets the requests in /slow go, now and from now on.
  void release();
  [[nodiscard]] RawClient client() const { return RawClient(port()); }
  [[nodiscard]] std::string metrics() { return metrics_.text(); }
  // The value of a sample line, "name{labels}"; 0 when there is none.
  [[nodiscard]] double metric(std::string_view sample);
  [[nodiscard]] double refused(std::string_view reason);
  [[nodiscard]] testing::TestLog& log() { return log_; }

 private:
  struct Slow;
  testing::TestLog log_;
  telemetry::Metrics metrics_;
  std::shared_ptr<Slow> slow_;
  std::unique_ptr<Server> server_;
};

}  // namespace dunetrace::http
