#include "ingest/role.hpp"

#include <algorithm>

#include "http/server.hpp"
#include "ingest/health.hpp"
#include "ingest/receive.hpp"
#include "ingest/sdk_endpoints.hpp"
#include "ingest/writer.hpp"
#include "spool/disk_spool.hpp"
#include "spool/queue.hpp"
#include "spool/spool_file.hpp"

namespace dunetrace::ingest {

namespace {

constexpr auto kStopLimit = std::chrono::seconds(10);
constexpr std::uint64_t kSpoolLog = 51 * 1024 * 1024;           // it gets no longer, see CheckpointLimits
constexpr auto kLeastWriting = std::chrono::milliseconds(200);  // even when the limit is next to nothing

http::ServerOptions server_options(const config::Settings& settings) {
  http::ServerOptions options;
  options.service = "ingest";
  options.bind = settings.host.bind;
  options.port = settings.host.ingest_port;
  options.workers = 2;  // for what asks the database
  options.cors.any_origin = settings.host.dev_mode;
  options.cors.headers = "Content-Type, Authorization, X-Dunetrace-Agent, Idempotency-Key";
  return options;
}

// The metrics outlive the role, so their functions look whether the spool is still there.
template <class S, class F>
void gauge_of(telemetry::Metrics& metrics, std::string_view name, std::string_view help,
              const std::shared_ptr<S>& spool, F value) {
  metrics.gauge_from(name, help, [weak = std::weak_ptr<S>(spool), value] {
    const auto alive = weak.lock();
    return alive ? static_cast<double>(value(*alive)) : 0.0;
  });
}

Result<std::shared_ptr<spool::Spool>> open_spool(const config::Settings& settings, telemetry::Logger& log,
                                                 telemetry::Metrics& metrics, const Clock& clock) {
  metrics.gauge("dunetrace_ingest_queue_capacity", "What dunetrace_ingest_queue_length may be at most")
      .set(static_cast<double>(settings.ingest.queue_events));
  if (!settings.ingest.spool_on_disk) {
    return std::make_shared<spool::Queue>(spool::QueueLimits{.events = settings.ingest.queue_events});
  }
  spool::DiskSpoolOptions options{.file = spool_file(settings),
                                  .max_bytes = settings.ingest.spool_max_bytes,
                                  .waiting_events = settings.ingest.queue_events,
                                  .log_bytes = kSpoolLog};
  auto opened = spool::DiskSpool::open(std::move(options), clock, log);
  if (!opened) return tl::unexpected(std::move(opened.error()).in("spool"));
  std::shared_ptr<spool::DiskSpool> spool = std::move(*opened);
  metrics.gauge("dunetrace_spool_max_bytes", "Bytes the spool holds at most")
      .set(static_cast<double>(spool->max_bytes()));
  return spool;
}

}  // namespace

// What waits was accepted by processes before this one, at positions before the one that comes next.
WriterOptions writer_options(const spool::Spool& spool, const config::Settings& settings) {
  WriterOptions options;
  if (!spool.durable()) {
    options.began_at = 0;
  } else if (const auto found = spool::overview(spool_file(settings))) {
    options.began_at = found->next;
  }
  return options;
}

// In the order in which one needs the other.
struct Role::Impl {
  Impl(std::shared_ptr<spool::Spool> opened, const config::Settings& settings, store::Database& database,
       telemetry::Logger& log, telemetry::Metrics& metrics, const Clock& clock)
      : db(database),
        spool(std::move(opened)),
        writer(std::make_unique<Writer>(writer_options(*spool, settings), *spool, db, log, metrics)),
        auth(std::make_unique<Auth>(AuthOptions{.dev_mode = settings.host.dev_mode}, db, log, metrics)),
        rate(settings.ingest.rate_limit_requests, clock),
        receiver({settings.ingest.max_batch_size, settings.ingest.rehash_legacy_fields}, rate, *auth, *spool, metrics,
                 clock),
        sdk(rate, *auth, db, log),
        health(db, *spool, clock, settings.host.plugins_unlocked) {
    gauge_of(metrics, "dunetrace_ingest_queue_length",
             "Events that only memory holds: on their way to the disk, or with SPOOL_DURABILITY=memory to the database",
             spool, [](const spool::Spool& s) { return s.events_in_memory(); });
    gauge_of(metrics, "dunetrace_spool_events", "Accepted events that are not in the database yet", spool,
             [](const spool::Spool& s) { return s.events(); });
    gauge_of(metrics, "dunetrace_spool_bytes", "Bytes of accepted events that are not in the database yet", spool,
             [](const spool::Spool& s) { return s.bytes(); });
    gauge_of(metrics, "dunetrace_spool_oldest_age_seconds", "Age of the oldest batch that is not in the database yet",
             spool, [&clock](const spool::Spool& s) {
               const auto oldest = s.oldest_accepted_at();
               return oldest ? std::max(0.0, clock.unix_seconds() - *oldest) : 0.0;
             });
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  // The keys' thread and the spool's answer through the receiver, so they end before it; the port brings both work, so
  // it ends first. Without the writer nobody reads the spool.
  ~Impl() {
    server.reset();
    auth.reset();
    writer.reset();
    spool->finish();
  }

  http::Router router() {
    http::Router routes;
    routes.add(http::Method::post, "/v1/ingest", [this](http::Request request, http::Responder responder) {
      receiver.receive(std::move(request), std::move(responder));
    });
    routes.post("/v1/deploy", [this](const http::Request& request) { return sdk.deploy(request); });
    routes.get("/v1/policies", [this](const http::Request& request) { return sdk.policies(request); });
    routes.get("/health", [this](const http::Request&) { return health.health(); });
    routes.get("/ready", [this](const http::Request&) { return health.ready(); });
    return routes;
  }

  store::Database& db;
  std::shared_ptr<spool::Spool> spool;  // shared with the metrics, which hold it weakly
  std::unique_ptr<Writer> writer;
  std::unique_ptr<Auth> auth;
  RateLimit rate;
  Receiver receiver;
  SdkEndpoints sdk;
  Health health;
  std::unique_ptr<http::Server> server;
  bool stopped = false;
  bool stored = true;
};

std::filesystem::path spool_file(const config::Settings& settings) {
  return settings.host.data_dir / "spool" / "ingest.db";
}

Role::Role(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Role::~Role() { stop(kStopLimit); }

Result<std::unique_ptr<Role>> Role::open(const config::Settings& settings, store::Database& db, telemetry::Logger& log,
                                         telemetry::Metrics& metrics, const Clock& clock) {
  DUNE_TRY(spool, open_spool(settings, log, metrics, clock));
  auto impl = std::make_unique<Impl>(std::move(spool), settings, db, log, metrics, clock);
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
  auto& spool = *impl_->spool;
  spool.close();
  // What is on disk needs no database that is away: the next start goes on with it.
  const bool wait = !spool.durable() || impl_->db.reachable();
  const bool drained = wait && spool.wait_drained(std::max(left(), kLeastWriting));
  impl_->stored = drained || spool.durable();
  impl_->writer.reset();
  spool.finish();
  return impl_->stored;
}

}  // namespace dunetrace::ingest
