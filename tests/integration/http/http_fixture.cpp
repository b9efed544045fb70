#include "http_fixture.hpp"

#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace dunetrace::http {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

int connect_to(const std::string& address, std::uint16_t port, int receive_bytes) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return -1;
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{10, 0};
  const int one = 1;
  if (fd >= 0) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (receive_bytes > 0) ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  }
  const bool connected = fd >= 0 && ::connect(fd, found->ai_addr, found->ai_addrlen) == 0;
  ::freeaddrinfo(found);
  if (connected) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

}  // namespace

std::string Answer::header(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    const auto end = std::min(rest.find("\r\n"), rest.size());
    const auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 2, rest.size()));
    const auto colon = line.find(": ");
    if (colon != std::string_view::npos && same_name(line.substr(0, colon), name))
      return std::string(line.substr(colon + 2));
  }
  return {};
}

bool Answer::has(std::string_view name) const { return !header(name).empty(); }

RawClient::RawClient(std::uint16_t port, const std::string& address, int receive_bytes)
    : fd_(connect_to(address, port, receive_bytes)) {}

bool RawClient::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool RawClient::fill() {
  char bytes[65536];
  const auto n = ::recv(fd_.get(), bytes, sizeof bytes, 0);
  if (n > 0) buffer_.append(bytes, static_cast<std::size_t>(n));
  return n > 0;
}

std::optional<Answer> RawClient::read(bool head_request) {
  auto end = buffer_.find("\r\n\r\n");
  for (; end == std::string::npos; end = buffer_.find("\r\n\r\n")) {
    if (!fill()) return std::nullopt;
  }
  Answer answer;
  answer.head = buffer_.substr(0, end + 2);
  answer.status = std::atoi(answer.head.c_str() + 9);
  buffer_.erase(0, end + 4);
  const auto length = answer.header("Content-Length");
  if (head_request || length.empty()) return answer;
  const auto bytes = static_cast<std::size_t>(std::stoul(length));
  while (buffer_.size() < bytes) {
    if (!fill()) return std::nullopt;
  }
  answer.body = buffer_.substr(0, bytes);
  buffer_.erase(0, bytes);
  return answer;
}

std::optional<std::string> RawClient::read_to_end() {
  char bytes[65536];
  for (;;) {
    const auto n = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    if (n > 0)
      buffer_.append(bytes, static_cast<std::size_t>(n));
    else if (n == 0 || errno == ECONNRESET)
      return std::exchange(buffer_, {});
    else
      return std::nullopt;
  }
}

void RawClient::stop_sending() const { ::shutdown(fd_.get(), SHUT_WR); }

void RawClient::reset() {
  const linger hard{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  fd_.reset();
}

Answer RawClient::ask(std::string_view request) {
  if (!send(request)) return {};
  return read(request.starts_with("HEAD ")).value_or(Answer());
}

std::string get_request(std::string_view target, std::string_view headers) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(headers) + "\r\n";
}

std::string post_request(std::string_view target, std::string_view body, std::string_view headers) {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

// Requests that wait for the test.
struct TestServer::Slow {
  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  bool released = false;
  std::vector<std::jthread> threads;  // of /async

  Response wait() {
    std::unique_lock lock(mutex);
    ++waiting;
    changed.notify_all();
    changed.wait(lock, [this] { return released; });
    --waiting;
    return Response::json(200, R"({"slow":true})");
  }
};

TestServer::TestServer(ServerOptions options, Router router) : slow_(std::make_shared<Slow>()) {
  options.service = "test";
  router.add(Method::post, "/echo", [](Request request, Responder responder) {
    responder.send(Response::json(200, std::move(request.body)));
  });
  router.post("/echo-blocking", [](const Request& request) { return Response::json(200, request.body); });
  router.get("/text/{n}", [](const Request& request) {
    return Response::json(200, std::string(static_cast<std::size_t>(std::stoul(request.param("n"))), 'j'));
  });
  router.get("/part/{a}", [](const Request& request) { return Response::json(200, request.param("a")); });
  router.get("/slow", [slow = slow_](const Request&) { return slow->wait(); });
  router.add(Method::get, "/async", [slow = slow_](const Request& request, Responder responder) {
    const auto shared = std::make_shared<Responder>(std::move(responder));
    const auto marker = std::string(request.query_value("m").value_or(""));
    const std::lock_guard lock(slow->mutex);
    slow->threads.emplace_back([shared, marker] { shared->send(Response::json(200, marker)); });
  });
  router.get("/throws", [](const Request&) -> Response { throw std::runtime_error("secret: connection string"); });
  router.get("/throws-oddly", [](const Request&) -> Response { throw 42; });
  router.add(Method::get, "/throws-async",
             [](const Request&, const Responder&) { throw std::runtime_error("secret"); });
  router.add(Method::get, "/dropped", [](const Request&, const Responder&) {});
  auto server = Server::open(std::move(options), std::move(router), log_.logger(), metrics_);
  if (!server) throw std::runtime_error(server.error().text);
  server_ = std::move(*server);
}

TestServer::~TestServer() {
  release();
  server_.reset();
}

int TestServer::waiting() const {
  const std::lock_guard lock(slow_->mutex);
  return slow_->waiting;
}

void TestServer::release() {
  const std::lock_guard lock(slow_->mutex);
  slow_->released = true;
  slow_->changed.notify_all();
}

double TestServer::metric(std::string_view sample) {
  const auto text = "\n" + metrics();
  const auto at = text.find("\n" + std::string(sample) + " ");
  return at == std::string::npos ? 0 : std::stod(text.substr(at + sample.size() + 2));
}

double TestServer::refused(std::string_view reason) {
  return metric(R"(dunetrace_http_refused_total{service="test",reason=")" + std::string(reason) + "\"}");
}

}  // namespace dunetrace::http
