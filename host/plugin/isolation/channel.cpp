#include "plugin/isolation/channel.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace dunetrace::plugin {
namespace {

struct Header {
  std::uint32_t kind;
  std::uint32_t size;
};

std::size_t most_bytes(std::uint32_t kind) {
  const auto is = [&](Message one) { return kind == static_cast<std::uint32_t>(one); };
  return is(Message::log) || is(Message::counter) || is(Message::observe) ? kMaxSmallFrameBytes : kMaxFrameBytes;
}

tl::unexpected<Error> gone() { return fail(Code::unavailable, "the other end is gone"); }

}  // namespace

Result<> Channel::wait(short events, Deadline until) const {
  for (;;) {
    int timeout = -1;
    if (until != kNoDeadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
      timeout = static_cast<int>(std::clamp<long long>(left, 0, 1'000'000));
    }
    pollfd one{socket_.get(), events, 0};
    const int ready = ::poll(&one, 1, timeout);
    if (ready > 0) return {};
    if (ready == 0) return fail(Code::timeout, "no answer in time");
    if (errno != EINTR) return gone();
  }
}

Result<> Channel::send(Message kind, std::string_view bytes, Deadline until) {
  if (bytes.size() > most_bytes(static_cast<std::uint32_t>(kind)))
    return fail(Code::invalid_argument, "the message is too large");
  const Header header{static_cast<std::uint32_t>(kind), static_cast<std::uint32_t>(bytes.size())};
  std::string whole(reinterpret_cast<const char*>(&header), sizeof header);
  whole.append(bytes);
  std::string_view rest = whole;
  while (!rest.empty()) {
    const auto sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      DUNE_TRY_VOID(wait(POLLOUT, until));
    } else if (errno != EINTR) {
      return gone();
    }
  }
  return {};
}

Result<Frame> Channel::receive(Deadline until) {
  for (bool read = false;;) {
    Header header{};
    if (pending_.size() >= sizeof header) {
      std::memcpy(&header, pending_.data(), sizeof header);
      if (header.size > most_bytes(header.kind) || header.kind < static_cast<std::uint32_t>(Message::load) ||
          header.kind > static_cast<std::uint32_t>(Message::service)) {
        return fail(Code::invalid_argument, "a message that makes no sense");
      }
      const auto whole = sizeof header + header.size;
      if (pending_.size() >= whole) {
        Frame frame{static_cast<Message>(header.kind), pending_.substr(sizeof header, header.size)};
        pending_.erase(0, whole);
        return frame;
      }
    }
    // Also with more to read: a frame that comes in drops is not in time.
    if (read && until != kNoDeadline && std::chrono::steady_clock::now() >= until)
      return fail(Code::timeout, "no answer in time");
    std::array<char, 16 * 1024> chunk;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
    const auto got = ::recv(socket_.get(), chunk.data(), chunk.size(), until == kNoDeadline ? 0 : MSG_DONTWAIT);
    if (got > 0) {
      read = true;
      pending_.append(chunk.data(), static_cast<std::size_t>(got));
    } else if (got == 0) {
      return gone();
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      DUNE_TRY_VOID(wait(POLLIN, until));
    } else if (errno != EINTR) {
      return gone();
    }
  }
}

}  // namespace dunetrace::plugin
