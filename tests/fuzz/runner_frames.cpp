// Bytes on the socket of a hostile runner: read as frames however they arrive, and answered out of services that note
// what reaches them. Nothing reaches them that the runner may not say.
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "core/fd.hpp"
#include "fuzz.hpp"
#include "plugin/isolation/forwarded_services.hpp"

namespace dunetrace::fuzz {
namespace {

using namespace plugin;
using std::chrono::steady_clock;

class Noting final : public Services {
 public:
  void log(std::string_view component, std::string_view run, telemetry::Level level, std::string_view text) override {
    DUNE_HOLDS(component == "mine" && is_utf8(run) && is_utf8(text), text);
    DUNE_HOLDS(level <= telemetry::Level::error, text);
  }
  Result<HttpReply> http(std::string_view component, const HttpRequest& request) override {
    DUNE_HOLDS(component == "mine" && request.timeout.count() > 0 && request.headers.size() <= 100, request.url);
    DUNE_HOLDS(request.timeout <= std::chrono::seconds(5), request.url);
    if (request.url.empty()) return fail(Code::denied, "no");
    return HttpReply{200, request.body, std::nullopt};
  }
  Result<> counter_add(std::string_view component, std::string_view name, double) override {
    DUNE_HOLDS(component == "mine", name);
    return {};
  }
  Result<> observe(std::string_view component, std::string_view name, double) override {
    DUNE_HOLDS(component == "mine", name);
    return fail(Code::invalid_argument, std::string(name));
  }
};

void drain(int fd) {
  std::array<char, 64 * 1024> room{};
  while (::recv(fd, room.data(), room.size(), MSG_DONTWAIT) > 0) {
  }
}

// The frames of `bytes` as one text; what is behind the last whole one is left out.
std::string frames(std::string_view bytes, Random* cuts) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  const Fd theirs(ends[1]);
  Channel channel{Fd(ends[0])};
  Noting services;
  std::string seen;
  while (true) {
    const auto piece = bytes.substr(0, cuts == nullptr ? bytes.size() : 1 + cuts->below(20));
    bytes.remove_prefix(piece.size());
    if (!piece.empty() && ::send(ends[1], piece.data(), piece.size(), MSG_DONTWAIT) < 0) std::abort();
    if (bytes.empty()) ::shutdown(ends[1], SHUT_WR);
    while (true) {
      // Until there is no more: a deadline that has passed would end a frame that comes in drops.
      const auto frame = channel.receive(steady_clock::now() + std::chrono::milliseconds(bytes.empty() ? 5'000 : 0));
      if (!frame) {
        if (frame.error().code == Code::timeout && !bytes.empty()) break;
        DUNE_HOLDS(frame.error().code != Code::timeout, "a wait for bytes that never come");
        return seen + (frame.error().code == Code::invalid_argument ? "nonsense" : "end");
      }
      DUNE_HOLDS(frame->bytes.size() <= kMaxFrameBytes, seen);
      seen += std::to_string(static_cast<int>(frame->kind)) + ":" + frame->bytes;
      const auto until = steady_clock::now() + std::chrono::seconds(5);
      const bool served = serve(*frame, channel, &services, until, [](std::string_view one) { return one == "mine"; });
      seen += served ? "+" : "-";
      drain(ends[1]);
    }
  }
}

}  // namespace

void run(std::string_view input) {
  Random cuts(input);
  const auto whole = frames(input, nullptr);
  DUNE_HOLDS(frames(input, &cuts) == whole, whole);
}

}  // namespace dunetrace::fuzz
