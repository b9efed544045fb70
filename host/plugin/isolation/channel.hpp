// Framed messages over the socket between the host and one runner. One thread at a time per end. Frames are bounded;
// every wait of the host has a limit.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/fd.hpp"
#include "core/result.hpp"

namespace dunetrace::plugin {

enum class Message : std::uint32_t {
  // host → runner; each is answered by one `reply`, `ask` by `done`
  load = 1,  // map a library; in order, before `close`
  close,     // no more files, sockets, processes from here on
  describe,
  create,
  validate,
  ask,
  explain,
  deliver,
  invoke,
  // runner → host, at any time while one of the above is under way
  reply,
  done,
  log,      // not answered
  http,     // answered by `service`
  counter,  // likewise
  observe,  // likewise
  // host → runner
  service
};

struct Frame {
  Message kind = Message::reply;
  std::string bytes;
};

constexpr std::size_t kMaxFrameBytes = 8 * 1024 * 1024;
constexpr std::size_t kMaxSmallFrameBytes = 64 * 1024;  // log, counter, observe
constexpr std::size_t kMaxLogLines = 32;                // of a runner while one message of the host is answered

using Deadline = std::chrono::steady_clock::time_point;
constexpr Deadline kNoDeadline = Deadline::max();

class Channel {
 public:
  explicit Channel(Fd socket) : socket_(std::move(socket)) {}

  // Code::timeout, or Code::unavailable when the other end is gone.
  [[nodiscard]] Result<> send(Message kind, std::string_view bytes, Deadline until);
  // The same, and Code::invalid_argument for a frame that no end of ours would write.
  [[nodiscard]] Result<Frame> receive(Deadline until);
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  Result<> wait(short events, Deadline until) const;
  Fd socket_;
  std::string pending_;  // the beginning of a frame that was read before its time was up
};

}  // namespace dunetrace::plugin
