// POST /v1/ingest: body in, 202 out, the batch in the spool in between. Runs on the threads that read requests; touches
// neither database nor disk, and waits for neither: the spool answers from its own thread. Thread-safe.
//   receive: admit() the body → refused_by_rate() → Auth::check() the key →
//   enter:   has this Idempotency-Key been answered? →
//   store:   Spool::append(), and the answer from its commit
#pragma once

#include <array>
#include <memory>
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
  // Why a request was not taken; the metric's label names them.
  enum class Reason : std::uint8_t {
    invalid,
    rate,
    unknown_key,
    no_scope,
    foreign_agent,
    key_unavailable,
    key_reused,
    spool_full,
    spool_failed,
    stopping,
    count_of_them
  };
  struct Pending;  // a batch and who waits for its answer

  void answer(http::Responder& responder, http::Response response);
  void refuse(http::Responder& responder, http::Response response, Reason reason, std::size_t events);
  void enter(const std::shared_ptr<Pending>& pending, const Verdict& verdict);
  void store(AcceptedBatch batch, http::Responder responder);
  [[nodiscard]] static Reason reason_of(Verdict::Kind kind);
  [[nodiscard]] static Reason reason_of(spool::Append how);

  const AdmissionRules rules_;
  RateLimit& rate_;
  Auth& auth_;
  spool::Spool& spool_;
  FirstAnswers first_answers_;
  const Clock& clock_;
  telemetry::Counter& rejected_;  // events that will never be taken like this
  telemetry::Counter& dropped_;   // events for which there was no room
  telemetry::Counter& replayed_;
  std::array<telemetry::Counter*, 12> accepted_{};  // by EventKind
  std::array<telemetry::Counter*, static_cast<std::size_t>(Reason::count_of_them)> refused_{};
  std::array<std::pair<int, telemetry::Counter*>, 6> codes_{};  // requests by status
};

}  // namespace dunetrace::ingest
