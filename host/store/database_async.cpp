#include "store/database_async.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <regex>

namespace dunetrace::store::detail {
namespace {

constexpr const char* kWoken = "stopping";

int milliseconds_until(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

// A verbose message, "…: FATAL:  28P01: what it is\nLOCATION:  …": its plain text and its SQLSTATE.
std::pair<std::string, std::string> without_details(std::string_view message) {
  static const std::regex location("\\nLOCATION: [^\\n]*");
  static const std::regex code(":  ([0-9A-Z]{5}): ");
  auto text = std::regex_replace(std::string(message), location, "");
  std::smatch found;
  const std::string state = std::regex_search(text, found, code) ? found[1].str() : "";
  return {std::regex_replace(text, code, ": "), state};
}

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};

}  // namespace

Waker::Waker() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  DUNE_CHECK(fd_ >= 0, "no file descriptor for a waker");
}
Waker::~Waker() { ::close(fd_); }

void Waker::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);  // can only fail when it is set already
}

bool Waker::wait_for(std::chrono::milliseconds time) const {
  const auto deadline = std::chrono::steady_clock::now() + time;
  pollfd item{fd_, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&item, 1, milliseconds_until(deadline));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

void AsyncConnection::Finish::operator()(pg_conn* connection) const { PQfinish(connection); }

AsyncConnection::AsyncConnection(const ConnectInfo& info, std::unique_ptr<pg_conn, Finish> connection)
    : info_(&info), connection_(std::move(connection)) {}

Result<AsyncConnection> AsyncConnection::open(const ConnectInfo& info, Deadline deadline, const Waker& waker) {
  const auto servers = info.texts().size();
  const auto first = info.first();
  Error failed{Code::unavailable, {}};
  for (std::size_t tried = 0; tried < servers; ++tried) {
    const auto server = (first + tried) % servers;
    // Each has its share of the time, so that a silent one leaves some for the others.
    const auto now = std::chrono::steady_clock::now();
    const auto share = (deadline - now) / static_cast<int>(servers - tried);
    auto opened = open(info, info.texts()[server], now + share, waker);
    if (opened) {
      info.answered(server);
      return opened;
    }
    if (opened.error().text == kWoken) return opened;
    failed.code = opened.error().code;
    failed.text += (failed.text.empty() ? "" : "; ") + opened.error().text;
  }
  return tl::unexpected(std::move(failed));
}

Result<AsyncConnection> AsyncConnection::open(const ConnectInfo& info, const std::string& text, Deadline deadline,
                                              const Waker& waker) {
  AsyncConnection opened(info, std::unique_ptr<pg_conn, Finish>(PQconnectStart(text.c_str())));
  if (!opened.connection_) return fail(Code::unavailable, "no memory for a connection");
  // Its default prints to stderr, among the log lines; what matters comes back as an error.
  PQsetNoticeProcessor(
      opened.connection_.get(), [](void*, const char*) {}, nullptr);
  // The library keeps no SQLSTATE of a refused connection; only its longest text has it.
  PQsetErrorVerbosity(opened.connection_.get(), PQERRORS_VERBOSE);
  DUNE_TRY_VOID(opened.finish_connecting(deadline, waker));
  PQsetErrorVerbosity(opened.connection_.get(), PQERRORS_TERSE);
  return opened;
}

Result<> AsyncConnection::finish_connecting(Deadline deadline, const Waker& waker) {
  if (PQstatus(connection_.get()) == CONNECTION_BAD) return tl::unexpected(connect_failure());
  auto wanted = PGRES_POLLING_WRITING;  // libpq asks to be treated so before its first poll
  while (wanted != PGRES_POLLING_OK) {
    if (wanted == PGRES_POLLING_FAILED) return tl::unexpected(connect_failure());
    DUNE_TRY_VOID(wait_socket(wanted == PGRES_POLLING_WRITING, deadline, waker));
    wanted = PQconnectPoll(connection_.get());
  }
  if (PQsetnonblocking(connection_.get(), 1) != 0) return tl::unexpected(failure());
  return {};
}

int AsyncConnection::socket() const { return PQsocket(connection_.get()); }

pg_conn* AsyncConnection::release() && {
  PQsetnonblocking(connection_.get(), 0);
  return connection_.release();
}

Result<> AsyncConnection::exec(const std::string& sql, Deadline deadline, const Waker& waker) {
  auto* connection = connection_.get();
  if (PQsendQuery(connection, sql.c_str()) != 1) return tl::unexpected(failure());
  for (int unsent = PQflush(connection); unsent != 0; unsent = PQflush(connection)) {
    if (unsent < 0) return tl::unexpected(failure());
    DUNE_TRY_VOID(wait_socket(true, deadline, waker));
  }
  Result<> outcome;
  while (true) {
    while (PQisBusy(connection) != 0) {
      DUNE_TRY_VOID(wait_socket(false, deadline, waker));
      if (PQconsumeInput(connection) != 1) return tl::unexpected(failure());
    }
    const std::unique_ptr<PGresult, ClearResult> result(PQgetResult(connection));
    if (!result) return outcome;
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      outcome = fail(Code::unavailable, info_->clean(PQresultErrorMessage(result.get())));
    }
  }
}

Result<std::vector<std::string>> AsyncConnection::notifications(Deadline deadline, const Waker& waker) {
  struct FreeNotify {
    void operator()(PGnotify* notify) const { PQfreemem(notify); }
  };
  std::vector<std::string> names;
  while (true) {
    if (PQconsumeInput(connection_.get()) != 1) return tl::unexpected(failure());
    while (const std::unique_ptr<PGnotify, FreeNotify> notify{PQnotifies(connection_.get())}) {
      names.emplace_back(notify->relname);
    }
    if (!names.empty()) return names;
    const auto ready = wait_socket(false, deadline, waker);
    if (!ready && (ready.error().code == Code::timeout || ready.error().text == kWoken)) return names;
    if (!ready) return tl::unexpected(ready.error());
  }
}

Result<> AsyncConnection::wait_socket(bool for_write, Deadline deadline, const Waker& waker) const {
  const auto events = static_cast<short>(for_write ? POLLOUT : POLLIN);
  while (true) {
    std::array<pollfd, 2> items{pollfd{waker.fd(), POLLIN, 0}, pollfd{PQsocket(connection_.get()), events, 0}};
    const int ready = ::poll(items.data(), items.size(), milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return fail(Code::unavailable, "waiting for the database failed");
    if (ready == 0) return fail(Code::timeout, "the database does not answer");
    if (items[0].revents != 0) return fail(Code::unavailable, kWoken);
    return {};
  }
}

Error AsyncConnection::failure() const {
  return Error{Code::unavailable, info_->clean(PQerrorMessage(connection_.get()))};
}

Error AsyncConnection::connect_failure() const {
  auto [text, state] = without_details(PQerrorMessage(connection_.get()));
  // A server that wants a password gets none from libpq, which then makes up an error without a state.
  if (state.empty() && PQconnectionNeedsPassword(connection_.get()) != 0) state = "28000";
  text = info_->clean(text);
  if (!state.empty()) text += fmt::format("{}{})", kStateMark, state);
  return Error{Code::unavailable, std::move(text)};
}

}  // namespace dunetrace::store::detail
