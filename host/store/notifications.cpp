#include "store/notifications.hpp"

#include <algorithm>
#include <thread>

#include "store/database_async.hpp"
#include "store/database_connect.hpp"

namespace dunetrace::store {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kConnectLimit = 3s;
constexpr auto kFirstPause = 100ms;
constexpr std::chrono::milliseconds kLongestPause = 5s;
constexpr auto kHeartbeat = 30s;  // a silent session is asked, so that a server that vanished is noticed

std::string quoted_name(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"') text.push_back('"');
    text.push_back(c);
  }
  text.push_back('"');
  return text;
}

}  // namespace

struct Notifications::Impl {
  Impl(const DatabaseOptions& options, std::vector<Channel> wanted, telemetry::Logger& logger)
      : info(detail::ConnectInfo::make(options)), channels(std::move(wanted)), log(logger) {}

  Result<detail::ConnectInfo> info;
  std::vector<Channel> channels;
  telemetry::Logger& log;
  detail::Waker waker;
  std::jthread thread;  // last: it uses everything above

  void run(const std::stop_token& stop) {
    auto pause = std::chrono::milliseconds(kFirstPause);
    while (!stop.stop_requested()) {
      const auto ended = listen(stop, pause);
      if (ended || stop.stop_requested()) return;
      log.warn("notifications.lost", {{"reason", ended.error().text}, {"retry_ms", pause.count()}});
      if (waker.wait_for(pause)) return;
      pause = std::min(pause * 2, kLongestPause);
    }
  }

  // One session from its begin to its loss. Success means that it was asked to stop.
  Result<> listen(const std::stop_token& stop, std::chrono::milliseconds& pause) {
    if (!info) return tl::unexpected(info.error());
    const auto limit = Clock::now() + kConnectLimit;
    DUNE_TRY(connection, detail::AsyncConnection::open(*info, limit, waker));
    for (const auto& channel : channels) {
      DUNE_TRY_VOID(connection.exec("LISTEN " + quoted_name(channel.name), limit, waker));
    }
    pause = kFirstPause;
    for (const auto& channel : channels) call(channel);
    while (!stop.stop_requested()) {
      DUNE_TRY(names, connection.notifications(Clock::now() + kHeartbeat, waker));
      if (stop.stop_requested()) break;
      if (names.empty()) DUNE_TRY_VOID(connection.exec("SELECT 1", Clock::now() + kConnectLimit, waker));
      for (const auto& channel : channels) {
        if (std::ranges::find(names, channel.name) != names.end()) call(channel);
      }
    }
    return {};
  }

  void call(const Channel& channel) {
    try {
      channel.on_notify();
    } catch (const std::exception& error) {
      log.error("notifications.handler_failed", {{"channel", channel.name}, {"reason", error.what()}});
    }
  }
};

Notifications::Notifications(const DatabaseOptions& options, std::vector<Channel> channels, telemetry::Logger& log)
    : impl_(std::make_unique<Impl>(options, std::move(channels), log)) {
  impl_->thread = std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->run(stop); });
}

Notifications::~Notifications() {
  impl_->thread.request_stop();
  impl_->waker.wake();
}

}  // namespace dunetrace::store
