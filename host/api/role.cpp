#include "api/role.hpp"

#include "api/auth.hpp"
#include "api/health.hpp"
#include "api/service.hpp"
#include "http/server.hpp"
#include "store/keys.hpp"
#include "store/notifications.hpp"

namespace dunetrace::api {

namespace {

http::ServerOptions server_options(const Options& options) {
  http::ServerOptions server;
  server.service = "api";
  server.bind = options.bind;
  server.port = options.port;
  server.workers = options.workers;
  server.max_body_bytes = 64 * 1024;  // nothing here takes a larger body
  server.cors.any_origin = options.dev_auth;
  server.cors.origins = options.cors_origins;
  server.cors.methods = "GET, POST, PUT, PATCH, DELETE, OPTIONS";
  server.cors.headers = "Authorization, Content-Type";
  server.extra_headers = {{"Cache-Control", "no-store"}};  // somebody's data, and never the same twice
  return server;
}

Result<> check(const Options& options) {
  if (options.page_size_default < 1 || options.page_size_default > options.page_size_max) {
    return fail(Code::invalid_argument, "PAGE_SIZE_DEFAULT is " + std::to_string(options.page_size_default) +
                                            ": expected 1 to PAGE_SIZE_MAX (" + std::to_string(options.page_size_max) +
                                            ")");
  }
  return {};
}

}  // namespace

// The server is last: it goes first, so no handler outlives what it uses.
struct Role::Impl {
  Impl(const Options& given, store::Database& db, const plugin::Live& live, VocabularySource vocabulary,
       telemetry::Logger& log, const Clock& clock)
      : options(given),
        service{options, db, live, std::move(vocabulary), log, clock},
        auth(options.dev_auth, db, log, clock),
        health(db, live, clock) {
    if (options.dev_auth) return;
    key_changes = std::make_unique<store::Notifications>(
        db.options(), std::vector<store::Notifications::Channel>{{store::kKeysChannel, [this] { auth.forget(); }}},
        log);
  }

  http::BlockingHandler scoped(ScopedHandler handler) {
    return [this, handler](const http::Request& request) {
      auto scope = auth.admit(request);
      if (!scope) return std::move(scope).error();
      return handler(service, *scope, request);
    };
  }

  http::Router routes() {
    http::Router router;
    router.get("/health", [this](const http::Request&) { return health.health(); });
    router.get("/ready", [this](const http::Request&) { return health.ready(); });
    router.get("/v1/agents", scoped(get_agents));
    router.get("/v1/agents/{agent_id}/runs", scoped(get_agent_runs));
    router.get("/v1/agents/{agent_id}/signals", scoped(get_agent_signals));
    router.get("/v1/runs/{run_id}", scoped(get_run));
    router.get("/v1/plugins", scoped(get_plugins));
    return router;
  }

  const Options options;
  const Service service;
  Authenticator auth;
  Health health;
  std::unique_ptr<store::Notifications> key_changes;
  std::unique_ptr<http::Server> server;
};

Result<std::unique_ptr<Role>> Role::open(const Options& options, store::Database& db, const plugin::Live& live,
                                         VocabularySource vocabulary, telemetry::Logger& log,
                                         telemetry::Metrics& metrics, const Clock& clock) {
  DUNE_TRY_VOID(check(options));
  auto impl = std::make_unique<Impl>(options, db, live, std::move(vocabulary), log, clock);
  DUNE_TRY(server, http::Server::open(server_options(options), impl->routes(), log, metrics));
  impl->server = std::move(server);
  return std::unique_ptr<Role>(new Role(std::move(impl)));
}

Role::Role(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Role::~Role() = default;

std::uint16_t Role::port() const { return impl_->server->port(); }

bool Role::stop(std::chrono::milliseconds limit) { return impl_->server->drain(limit); }

}  // namespace dunetrace::api
