// POST /v1/deploy and GET /v1/policies (spec/wire.md 5, 13): what SDKs leave and fetch besides events. Both ask the
// database, so they run on the server's workers. Thread-safe.
#pragma once

#include "http/message.hpp"
#include "ingest/auth.hpp"
#include "ingest/rate_limit.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::ingest {

class SdkEndpoints {
 public:
  // All of it outlives the object.
  SdkEndpoints(RateLimit& rate, Auth& auth, store::Database& db, telemetry::Logger& log)
      : rate_(rate), auth_(auth), db_(db), log_(log) {}

  [[nodiscard]] http::Response deploy(const http::Request& request);
  [[nodiscard]] http::Response policies(const http::Request& request);

 private:
  [[nodiscard]] http::Response failed(const Error& error, const http::Request& request);

  RateLimit& rate_;
  Auth& auth_;
  store::Database& db_;
  telemetry::Logger& log_;
};

}  // namespace dunetrace::ingest
