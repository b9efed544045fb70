#include "cli/host.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <thread>
#include <utility>

#include "api/role.hpp"
#include "cli/explainers.hpp"
#include "cli/plugin_services.hpp"
#include "cli/reloader.hpp"
#include "cli/try_out.hpp"
#include "dashboard/role.hpp"
#include "detect/role.hpp"
#include "http/outbound.hpp"
#include "http/server.hpp"
#include "ingest/role.hpp"
#include "json/writer.hpp"
#include "retention/keeper.hpp"
#include "store/migrations.hpp"
#include "store/work_queue.hpp"

namespace dunetrace::cli {
namespace {

constexpr std::chrono::milliseconds kPagesLimit{1'000};  // nothing is lost with an answer that was not read
constexpr std::chrono::milliseconds kUnaskedStop{2'000};
constexpr std::chrono::milliseconds kStopGrace{300};  // for the last write, when answering took the whole limit

std::chrono::milliseconds to_ms(config::Settings::Seconds seconds) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(seconds);
}

// Several hosts may run on one machine, each with a data directory of its own: "machine:/var/lib/dunetrace".
std::string host_identity(const std::filesystem::path& data_dir) {
  char name[256] = {};
  const std::string machine =
      ::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0' ? std::string("localhost") : std::string(name);
  std::error_code error;
  const auto real = std::filesystem::weakly_canonical(data_dir, error);
  return json::repair_utf8(machine + ":" + (error ? data_dir : real).string());
}

}  // namespace

struct Host::Impl {
  Impl(const Setup& s, plugin::Live& what, Options o, telemetry::Logger& l)
      : setup(s), live(what), options(std::move(o)), log(l), vocabularies(what, l, guard) {}

  const Setup& setup;
  plugin::Live& live;
  const Options options;
  telemetry::Logger& log;
  SystemClock clock;
  telemetry::Metrics metrics;
  http::Outbound outbound{log, clock};
  ProcessServices services{log, metrics, outbound, {}};  // what plugins ask for; outlives the roles
  plugin::ExplainGuard guard{metrics};
  Vocabularies vocabularies;
  Ports ports;
  // Each role has its own pool, so that none waits for another's connections. Roles end before the pools.
  std::unique_ptr<store::Database> main_db, ingest_db, detect_db, api_db;
  std::unique_ptr<ingest::Role> ingest;
  std::unique_ptr<detect::Role> detect;
  std::unique_ptr<api::Role> api;
  std::unique_ptr<http::Server> dashboard;
  std::unique_ptr<Reloader> reloader;  // ends before the roles that it tells
  std::unique_ptr<retention::Keeper> retention;
  bool stopped = false;
  bool stored = true;
  std::stop_source stopping;

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { stop(kUnaskedStop); }

  [[nodiscard]] bool has(const std::string& role) const { return options.roles.contains(role); }

  std::unique_ptr<store::Database> database(const std::string& role, int connections, bool lazy_commits = false) {
    return std::make_unique<store::Database>(store::DatabaseOptions{.url = options.database_url,
                                                                    .application_name = "dunetrace-" + role,
                                                                    .max_connections = connections,
                                                                    .lazy_commits = lazy_commits},
                                             log, metrics);
  }

  Result<> start() {
    if (setup.settings.host.dev_mode) {
      log.warn("auth.off", {{"bind", setup.settings.host.bind},
                            {"reason", "AUTH_MODE is dev: whoever reaches the ports may write and read everything"}});
    }
    metrics.gauge("dunetrace_build_info", "The version of this host", {{"version", DUNETRACE_VERSION}}).set(1);
    http::raise_descriptor_limit();
    main_db = database("host", 2);
    DUNE_TRY(applied,
             migrate_when_reachable(*main_db, setup.paths.migrations, options.database_patience, log, options.stop));
    for (const auto& name : applied) log.info("database.migrated", {{"file", name}});
    if (has("ingest") || has("detect")) start_retention();
    if (has("detect")) start_detect();
    if (has("api")) DUNE_TRY_VOID(start_api());
    if (has("ingest")) DUNE_TRY_VOID(start_ingest());
    if (has("dashboard")) DUNE_TRY_VOID(start_dashboard());
    if (has("detect") || has("api")) start_reloader();
    log.info("host.started",
             {{"ingest_port", ports.ingest}, {"api_port", ports.api}, {"dashboard_port", ports.dashboard}});
    return {};
  }

  // Any of the processes that write will do; those that only show may have other rights, or no setting.
  void start_retention() {
    retention = std::make_unique<retention::Keeper>(
        retention::KeeperOptions{.days = setup.settings.ingest.event_retention_days}, *main_db, log, metrics);
  }

  void start_detect() {
    const auto& settings = setup.settings.detect;
    // A judgement that a crash of the server undid is made again: it, and what says that it was made, are one commit.
    detect_db = database("detect", settings.concurrency + 2, true);
    detect::Options role;
    role.runner = load_options(setup, Purpose::service, {}, log).runner;
    role.runner.services = &services;
    role.host_name = host_identity(setup.settings.host.data_dir);
    role.recorder_dir = recorder_directory(setup);
    role.record = setup.record.get();
    role.workers = settings.concurrency;
    role.batch_size = settings.batch_size;
    role.poll_interval = to_ms(settings.poll_interval);
    role.stall_timeout = to_ms(settings.stall_timeout);
    detect = std::make_unique<detect::Role>(role, *detect_db, live, log, metrics, clock);
    guard.set_conduct(&detect->conduct());
  }

  Result<> start_api() {
    const auto& settings = setup.settings;
    api::Options role;
    role.bind = settings.host.bind;
    role.port = settings.host.api_port;
    role.dev_auth = settings.host.dev_mode;
    role.page_size_default = settings.api.page_size_default;
    role.page_size_max = settings.api.page_size_max;
    role.cors_origins = dashboard_origins();
    api_db = database("api", role.workers);
    const auto vocabulary = [this] { return vocabularies.current(); };
    DUNE_TRY(opened, api::Role::open(role, *api_db, live, vocabulary, log, metrics, clock));
    api = std::move(opened);
    ports.api = api->port();
    return {};
  }

  // The pages are another origin than the API, so the API must let them in.
  [[nodiscard]] std::vector<std::string> dashboard_origins() const {
    auto origins = setup.settings.api.cors_origins;
    const auto port = std::to_string(setup.settings.host.dashboard_port);
    origins.push_back(setup.settings.host.dashboard_url);
    if (has("dashboard") && port != "0") {
      for (const auto* host : {"localhost", "127.0.0.1", "[::1]"})
        origins.push_back(fmt::format("http://{}:{}", host, port));
    }
    return origins;
  }

  void start_reloader() {
    const auto& settings = setup.settings;
    Reloader::Options watch;
    watch.poll = settings.detect.reload_poll;
    watch.own_plugins = own_plugins(setup);
    watch.load = [this](const plugin::Generation& previous) {
      return load_detectors(setup, log, previous.file, Purpose::service, &previous.registry);
    };
    if (has("detect")) {
      watch.try_out = [this](const plugin::Generation& before, const plugin::Generation& next) {
        auto runner = load_options(setup, Purpose::service, {}, log).runner;
        runner.services = &services;
        runner.stop = stopping.get_token();
        return try_out(before, next, runner, setup.record.get());
      };
    }
    watch.meanwhile = [this] { live.current()->registry.sweep(); };
    watch.taken_over = [this] {
      vocabularies.take_over();
      if (detect) detect->take_over();
    };
    reloader = std::make_unique<Reloader>(std::move(watch), live, log, metrics, clock);
  }

  Result<> start_ingest() {
    ingest_db = database("ingest", 3);
    DUNE_TRY(opened, ingest::Role::open(setup.settings, *ingest_db, log, metrics, clock));
    ingest = std::move(opened);
    ports.ingest = ingest->port();
    return {};
  }

  Result<> start_dashboard() {
    const auto& settings = setup.settings.host;
    dashboard::Options role;
    role.directory = setup.paths.dashboard;
    role.api_port = ports.api != 0 ? ports.api : settings.api_port;
    role.ingest_port = ports.ingest != 0 ? ports.ingest : settings.ingest_port;
    DUNE_TRY(router, dashboard::make_router(role, log));
    http::ServerOptions server;
    server.service = "dashboard";
    server.bind = settings.bind;
    server.port = settings.dashboard_port;
    server.io_threads = 1;
    server.workers = 1;                 // every answer comes from memory
    server.max_body_bytes = 64 * 1024;  // and no request has one
    DUNE_TRY(opened, http::Server::open(std::move(server), std::move(router), log, metrics));
    dashboard = std::move(opened);
    ports.dashboard = dashboard->port();
    return {};
  }

  void interrupt_databases() const {
    for (const auto* db : {&main_db, &ingest_db, &detect_db, &api_db}) {
      if (*db) (*db)->interrupt();
    }
  }

  bool stop(std::chrono::milliseconds limit) {
    if (std::exchange(stopped, true)) return stored;
    log.info("host.stopping");
    stopping.request_stop();
    if (reloader) reloader->request_stop();
    if (detect) detect->request_stop();  // a plugin may hang for as long as its timeout lets it
    // What waits for a database that does not answer waits for ever: past the limit it is told to give up.
    std::jthread at_limit([this, until = std::chrono::steady_clock::now() + limit + kStopGrace](std::stop_token over) {
      std::mutex mutex;
      std::condition_variable_any never;
      std::unique_lock lock(mutex);
      never.wait_until(lock, over, until, [] { return false; });
      if (over.stop_requested()) return;
      log.warn("host.databases_interrupted", {{"reason", "the time for stopping has passed"}});
      interrupt_databases();
    });
    {
      const std::jthread pages([this] {
        if (api) api->stop(kPagesLimit);
        if (dashboard) dashboard->drain(kPagesLimit);
      });
      if (ingest) stored = ingest->stop(limit);
    }
    ingest.reset();
    dashboard.reset();
    reloader.reset();
    api.reset();
    guard.set_conduct(nullptr);
    detect.reset();
    retention.reset();
    at_limit = std::jthread();  // stops and joins
    interrupt_databases();
    if (!stored) log.error("host.events_lost", {{"reason", "the database did not take them in time"}});
    log.info("host.stopped");
    return stored;
  }
};

Host::Host(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Host::~Host() = default;

Result<std::unique_ptr<Host>> Host::start(const Setup& setup, plugin::Live& live, Options options,
                                          telemetry::Logger& log) {
  auto impl = std::make_unique<Impl>(setup, live, std::move(options), log);
  DUNE_TRY_VOID(impl->start());
  return std::unique_ptr<Host>(new Host(std::move(impl)));
}

const Ports& Host::ports() const { return impl_->ports; }

Result<bool> Host::empty() { return store::no_runs(*impl_->main_db); }

Result<bool> Host::idle() {
  DUNE_TRY(pending, store::unjudged_runs(*impl_->main_db));
  return pending == 0;
}

void Host::set_stall_timeout(std::chrono::milliseconds timeout) {
  if (impl_->detect) impl_->detect->set_stall_timeout(timeout);
}

void Host::refuse_questions() { impl_->main_db->interrupt(); }

bool Host::stop(std::chrono::milliseconds limit) { return impl_->stop(limit); }

void remove_ports(const std::filesystem::path& data_dir) {
  std::error_code ignored;  // nothing to remove is as good
  std::filesystem::remove(data_dir / "ports.json", ignored);
}

Result<> write_ports(const Ports& ports, const std::filesystem::path& data_dir) {
  const auto path = data_dir / "ports.json";
  const auto draft = data_dir / "ports.json.new";
  std::error_code error;
  std::filesystem::create_directories(data_dir, error);
  {
    std::ofstream out(draft, std::ios::trunc);
    out << fmt::format(R"({{"ingest": {}, "api": {}, "dashboard": {}}})", ports.ingest, ports.api, ports.dashboard)
        << "\n";
    out.flush();
    if (!out) return fail(Code::internal, fmt::format("{}: cannot be written", draft.string()));
  }
  std::filesystem::rename(draft, path, error);
  if (error) return fail(Code::internal, fmt::format("{}: {}", path.string(), error.message()));
  return {};
}

}  // namespace dunetrace::cli
