// POST /v1/ingest: body in, 202 out, the batch in the spool in between. Runs on the threads that read requests; touches
// neither database nor disk, and waits for neither: the spool answers from its own thread. Thread-safe.
#pragma once

#include <array>
#include <string>

#include "core/clock.hpp"
#include "http/message.hpp"
#include "ingest/admission.hpp"
#include "ingest/auth.hpp"
#include "ingest/first_answers.hpp"
#include "ingest/rate_limit.hpp"
#include "spool/spool.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::ingest {

class Receiver {
 public:
  Receiver(AdmissionRules rules, RateLimit& rate, Auth& auth, spool::Spool& spool, telemetry::Metrics& metrics,
           const Clock& clock);
  void receive(http::Request request, http::Responder responder);

 private:
  void answer(http::Responder& responder, http::Response response);
  void store(AcceptedBatch batch, http::Responder responder);

  const AdmissionRules rules_;
  RateLimit& rate_;
  Auth& auth_;
  spool::Spool& spool_;
  FirstAnswers first_answers_;
  const Clock& clock_;
  telemetry::Counter& rejected_;
  telemetry::Counter& dropped_;
  telemetry::Counter& replayed_;
  std::array<telemetry::Counter*, 12> accepted_{};              // by EventKind
  std::array<std::pair<int, telemetry::Counter*>, 6> codes_{};  // requests by status
};

}  // namespace dunetrace::ingest
