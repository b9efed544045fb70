#include "http/front.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <pistache/endpoint.h>
#include <pistache/http.h>
#include <pistache/peer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/turns.hpp"

#ifdef __SANITIZE_THREAD__
// Pistache is not instrumented: ThreadSanitizer does not see how it hands descriptors and clients from the accepting to
// the reading thread. Only calls made directly by that library are left out; everything of ours above it is checked.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "called_from_lib:libpistache.so\n"; }
#endif

namespace dunetrace::http {
namespace {

constexpr int kBacklog = 4096;  // Pistache always asks for 128, which loses connections in a burst
constexpr auto kNever = std::chrono::hours(24 * 365 * 10);
constexpr const char* kConnectionKey = "c";

// Takes connections and bytes from Pistache and gives them to ours. Pistache's parser, writer and timeouts stay unused:
// it is never told about requests, and its reaper sees one parser whose time never comes. The reaper cannot be used
// because its clock may only be touched by the reading thread, while answers are written by others. Nothing may be
// thrown into Pistache: its threads do not catch.
class Bridge final : public Pistache::Http::Handler {
  HTTP_PROTOTYPE(Bridge)

 public:
  explicit Bridge(std::shared_ptr<PeerHost> host)
      : host_(std::move(host)), parser_(std::make_shared<Pistache::Http::RequestParser>(1)) {}

  void onRequest(const Pistache::Http::Request&, Pistache::Http::ResponseWriter) override {}

  void onDisconnection(const std::shared_ptr<Pistache::Tcp::Peer>& peer) override {
    try {
      auto* const known = connection_of(*peer);
      if (known == nullptr) return;
      const auto connection = known->shared_from_this();
      connection->input_ended();
      host_->closed(connection);
    } catch (...) {
      ::shutdown(peer->fd(), SHUT_RDWR);
    }
  }

 private:
  void onConnection(const std::shared_ptr<Pistache::Tcp::Peer>& peer) override {
    ConnectionPtr connection;
    try {
      peer->setIdle(true);
      peer->putData(ParserData, not_counted(parser_.get()));
      connection = host_->opened(peer->fd());
      if (connection) {
        peer->putData(kConnectionKey, not_counted(connection.get()));
        return;
      }
    } catch (...) {  // no memory: the client is refused like any above the limits
      if (connection) host_->closed(connection);
    }
    ::shutdown(peer->fd(), SHUT_RDWR);
  }

  void onInput(const char* data, std::size_t n, const std::shared_ptr<Pistache::Tcp::Peer>& peer) override {
    try {
      if (auto* const connection = connection_of(*peer)) connection->feed({data, n});
    } catch (...) {
      ::shutdown(peer->fd(), SHUT_RDWR);
    }
  }

  // Pistache keeps plain pointers without counting: the host owns a connection from opened() to closed(), both of which
  // the reading thread calls, while Pistache may drop its own record of the client in its accepting thread.
  static std::shared_ptr<void> not_counted(void* pointer) { return {std::shared_ptr<void>(), pointer}; }

  static Connection* connection_of(const Pistache::Tcp::Peer& peer) {
    return static_cast<Connection*>(peer.tryGetData(kConnectionKey).get());
  }

  std::shared_ptr<PeerHost> host_;
  std::shared_ptr<Pistache::Http::RequestParser> parser_;
};

std::uint16_t bound_port(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return 0;
}

// Repairs what Pistache leaves undone with its own descriptors: the backlog of the listening socket, and close-on-exec
// for its epoll, timer and event descriptors, which child processes must not inherit.
void repair_descriptors(std::uint16_t port) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), ::closedir);
  if (!folder) return;
  while (const auto* const entry = ::readdir(folder.get())) {
    if (entry->d_name[0] == '.') continue;
    const int fd = std::atoi(entry->d_name);
    std::array<char, 64> target{};
    const auto n = ::readlinkat(::dirfd(folder.get()), entry->d_name, target.data(), target.size());
    const std::string_view name(target.data(), n > 0 ? static_cast<std::size_t>(n) : 0U);
    if (name.starts_with("anon_inode:[")) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (!name.starts_with("socket:")) continue;
    int listening = 0;
    socklen_t length = sizeof listening;
    if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening != 0 &&
        bound_port(fd) == port) {
      ::listen(fd, kBacklog);
    }
  }
}

Pistache::Http::Endpoint::Options options_for(int threads, const std::string& thread_name) {
  auto options = Pistache::Http::Endpoint::options();
  options.threads(threads).threadsName(thread_name);
  options.flags(Pistache::Flags<Pistache::Tcp::Options>(Pistache::Tcp::Options::ReuseAddr) |
                Pistache::Tcp::Options::NoDelay | Pistache::Tcp::Options::CloseOnExec);
  options.headerTimeout(kNever).bodyTimeout(kNever).keepaliveTimeout(kNever);
  return options;
}

}  // namespace

struct Front::Impl {
  std::unique_ptr<Pistache::Http::Endpoint> endpoint;
  std::uint16_t port = 0;
};

Front::Front(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

// ~Listener wakes and joins the accepting and the reading threads. Pistache never closes its event and timer
// descriptors (3 + 2 per reading thread); a process opens each port once, so that is left as it is.
Front::~Front() = default;

Result<std::unique_ptr<Front>> Front::open(const std::string& bind, std::uint16_t port, int threads,
                                           const std::string& thread_name, std::shared_ptr<PeerHost> host) {
  const bool bare_ipv6 = bind.find(':') != std::string::npos && !bind.starts_with('[');
  const auto where = bare_ipv6 ? "[" + bind + "]" : bind;
  const auto place = fmt::format("cannot listen on {}:{}: ", where, port);
  auto impl = std::make_unique<Impl>();
  try {
    const Pistache::Address address(where, Pistache::Port(port));
    impl->endpoint = std::make_unique<Pistache::Http::Endpoint>(address);
    impl->endpoint->init(options_for(threads, thread_name));
    impl->endpoint->setHandler(std::make_shared<Bridge>(std::move(host)));
    errno = 0;
    const TurnsOfNewThreads soon(kShortTurns);  // of a request, they do what takes microseconds
    impl->endpoint->serveThreaded();
    impl->port = impl->endpoint->getPort();
  } catch (const std::exception& e) {
    const std::string_view cause = e.what();
    if (cause.find(std::strerror(EADDRINUSE)) != std::string_view::npos) {
      return fail(Code::conflict, place + "the port is in use; stop the other program or choose another port");
    }
    return fail(Code::invalid_argument, place + std::string(cause));
  }
  repair_descriptors(impl->port);
  return std::unique_ptr<Front>(new Front(std::move(impl)));
}

std::uint16_t Front::port() const { return impl_->port; }

}  // namespace dunetrace::http
