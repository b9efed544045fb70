#include "http/server.hpp"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>

#include "http/dispatcher.hpp"
#include "http/front.hpp"

namespace dunetrace::http {
namespace {

constexpr auto kDrainLimit = std::chrono::seconds(10);

// Threads inherit the mask of their maker: signals go to the program's own threads, never to ours.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

struct Server::Impl {
  std::shared_ptr<Dispatcher> dispatcher;
  std::unique_ptr<Front> front;
  std::atomic<bool> drained{false};

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    dispatcher->stop();
    front.reset();
    dispatcher->release_handlers();
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  if (!impl_->drained) drain(kDrainLimit);
}

Result<std::unique_ptr<Server>> Server::open(ServerOptions options, Router router, telemetry::Logger& log,
                                             telemetry::Metrics& metrics) {
  raise_descriptor_limit();
  const SignalsBlocked blocked;
  const auto service = options.service;
  const auto bind = options.bind;
  const auto port = options.port;
  const auto io_threads = std::max(1, options.io_threads);
  auto impl = std::make_unique<Impl>();
  impl->dispatcher = std::make_shared<Dispatcher>(std::move(options), std::move(router), log, metrics);
  auto front = Front::open(bind, port, io_threads, service + "-http", impl->dispatcher);
  if (!front) return tl::unexpected<Error>(std::move(front).error().in(service));
  impl->front = std::move(*front);
  log.info("http.listening", {{"service", service}, {"address", bind}, {"port", impl->front->port()}});
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return impl_->front->port(); }

bool Server::drain(std::chrono::milliseconds limit) {
  impl_->drained = true;
  return impl_->dispatcher->drain(limit);
}

}  // namespace dunetrace::http
