#include "ingest/role.hpp"

#include <algorithm>

#include "http/server.hpp"
#include "ingest/health.hpp"
#include "ingest/receive.hpp"
#include "ingest/writer.hpp"

namespace dunetrace::ingest {

namespace {

constexpr auto kStopLimit = std::chrono::seconds(10);
constexpr auto kLeastWriting = std::chrono::milliseconds(200);  // even when the limit is next to nothing

http::ServerOptions server_options(const config::Settings& settings) {
  http::ServerOptions options;
  options.service = "ingest";
  options.bind = settings.host.bind;
  options.port = settings.host.ingest_port;
  options.workers = 1;  // for /health only
  options.cors.any_origin = settings.host.dev_mode;
  options.cors.headers = "Content-Type, Authorization, X-Dunetrace-Agent";
  return options;
}

}  // namespace

// In the order in which one needs the other.
struct Role::Impl {
  Impl(const config::Settings& settings, store::Database& db, telemetry::Logger& log, telemetry::Metrics& metrics,
       const Clock& clock)
      : queue(std::make_shared<spool::Queue>(spool::QueueLimits{.events = settings.ingest.queue_events})),
        writer(std::make_unique<Writer>(WriterOptions{}, *queue, db, log, metrics)),
        auth(std::make_unique<Auth>(AuthOptions{.dev_mode = settings.host.dev_mode}, db, log, metrics)),
        rate(settings.ingest.rate_limit_requests, clock),
        receiver({settings.ingest.max_batch_size, settings.ingest.rehash_legacy_fields}, rate, *auth, *queue, metrics,
                 clock),
        health(db, *queue, clock, settings.host.plugins_unlocked) {
    // The metrics outlive this role, so their functions share the queue.
    metrics.gauge_from("dunetrace_ingest_queue_length", "Accepted events that are not in the database yet",
                       [q = queue] { return static_cast<double>(q->events()); });
    metrics.gauge("dunetrace_ingest_queue_capacity", "Events the queue holds at most")
        .set(static_cast<double>(queue->limits().events));
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  // The keys' thread answers through the receiver, so it ends before it; the port brings both work, so it ends first.
  ~Impl() {
    server.reset();
    auth.reset();
  }

  http::Router router() {
    http::Router routes;
    routes.add(http::Method::post, "/v1/ingest", [this](http::Request request, http::Responder responder) {
      receiver.receive(std::move(request), std::move(responder));
    });
    routes.get("/health", [this](const http::Request&) { return health.health(); });
    routes.get("/ready", [this](const http::Request&) { return health.ready(); });
    return routes;
  }

  std::shared_ptr<spool::Queue> queue;  // shared with the metrics
  std::unique_ptr<Writer> writer;
  std::unique_ptr<Auth> auth;
  RateLimit rate;
  Receiver receiver;
  Health health;
  std::unique_ptr<http::Server> server;
  bool stopped = false;
  bool stored = true;
};

Role::Role(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Role::~Role() { stop(kStopLimit); }

Result<std::unique_ptr<Role>> Role::open(const config::Settings& settings, store::Database& db, telemetry::Logger& log,
                                         telemetry::Metrics& metrics, const Clock& clock) {
  auto impl = std::make_unique<Impl>(settings, db, log, metrics, clock);
  DUNE_TRY(server, http::Server::open(server_options(settings), impl->router(), log, metrics));
  impl->server = std::move(server);
  return std::unique_ptr<Role>(new Role(std::move(impl)));
}

std::uint16_t Role::port() const { return impl_->server->port(); }

bool Role::stop(std::chrono::milliseconds limit) {
  if (impl_->stopped) return impl_->stored;
  impl_->stopped = true;
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + limit;
  const auto left = [&] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
  };
  // Requests that wait for a key are in flight, too; the keys' thread answers them while the port drains. Clients that
  // read or write slowly get half of the time: the other half is for what was promised last.
  impl_->server->drain(limit / 2);
  impl_->queue->close();
  impl_->stored = impl_->queue->wait_drained(std::max(left(), kLeastWriting));
  impl_->writer.reset();
  return impl_->stored;
}

}  // namespace dunetrace::ingest
