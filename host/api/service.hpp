// What every handler works with, and the handlers themselves: one file per resource. Handlers run on the HTTP server's
// workers, any number at a time.
#pragma once

#include "api/options.hpp"
#include "api/vocabulary.hpp"
#include "core/clock.hpp"
#include "http/message.hpp"
#include "plugin/generation.hpp"
#include "store/database.hpp"
#include "store/read_scope.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::api {

struct Service {
  const Options& options;
  store::Database& db;
  const plugin::Live& live;
  VocabularySource vocabulary;
  telemetry::Logger& log;
  const Clock& clock;
};

// A handler of an endpoint that needs a key; `scope` is whose rows it may show.
using ScopedHandler = http::Response (*)(const Service& service, const store::Scope& scope,
                                         const http::Request& request);

http::Response get_agents(const Service& service, const store::Scope& scope, const http::Request& request);
http::Response get_agent_runs(const Service& service, const store::Scope& scope, const http::Request& request);
http::Response get_agent_signals(const Service& service, const store::Scope& scope, const http::Request& request);
http::Response get_plugins(const Service& service, const store::Scope& scope, const http::Request& request);
http::Response get_run(const Service& service, const store::Scope& scope, const http::Request& request);

}  // namespace dunetrace::api
