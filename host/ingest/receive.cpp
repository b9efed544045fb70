#include "ingest/receive.hpp"

#include <algorithm>

#include "core/ids.hpp"
#include "http/framing.hpp"
#include "ingest/door.hpp"
#include "ingest/validation.hpp"
#include "json/writer.hpp"

namespace dunetrace::ingest {

namespace {

telemetry::Counter& event_counter(telemetry::Metrics& metrics, std::string_view type, std::string_view outcome) {
  return metrics.counter("dunetrace_ingest_events_total", "Events by type and what became of them at the door",
                         {{"event_type", std::string(type)}, {"outcome", std::string(outcome)}});
}

constexpr std::size_t kLongestKey = 255;  // characters of an Idempotency-Key

http::Response accepted(const spool::FirstAnswer& answer) {
  json::Writer out;
  out.begin_object();
  out.field("accepted", answer.events);
  out.field("batch_id", answer.batch_id);
  out.field("queued_at", answer.at);
  out.end_object();
  return http::Response::json(202, out.take());
}

bool is_key(std::string_view text) {
  return text.size() <= kLongestKey && std::ranges::all_of(text, [](char c) { return c >= '!' && c <= '~'; });
}

http::Response wrong_header(std::string_view message) {
  ValidationErrors errors;
  errors.header("value_error", "Idempotency-Key", message);
  return http::Response::json(422, errors.take());
}

constexpr std::string_view kNoKey = "1 to 255 visible ASCII characters are expected";
constexpr std::string_view kTwoKeys = "it may be there once only";
constexpr std::string_view kReused = "another request has used this key; nothing of this one is stored";

// The label `reason`, in the order of Receiver::Reason.
constexpr std::array kReasons{"invalid",         "rate",       "unknown_key", "no_scope",     "foreign_agent",
                              "key_unavailable", "key_reused", "spool_full",  "spool_failed", "stopping"};

}  // namespace

Receiver::Receiver(AdmissionRules rules, RateLimit& rate, Auth& auth, spool::Spool& spool, telemetry::Metrics& metrics,
                   const Clock& clock)
    : rules_(rules),
      rate_(rate),
      auth_(auth),
      spool_(spool),
      first_answers_(spool.take_kept_answers(), clock),
      clock_(clock),
      rejected_(event_counter(metrics, "any", "rejected")),
      dropped_(event_counter(metrics, "any", "dropped")),
      replayed_(metrics.counter("dunetrace_ingest_replays_total",
                                "Requests answered as before, because their Idempotency-Key had come already")) {
  for (std::size_t kind = 1; kind < accepted_.size(); ++kind) {
    accepted_[kind] = &event_counter(metrics, wire_name(static_cast<EventKind>(kind)), "accepted");
  }
  static_assert(kReasons.size() == static_cast<std::size_t>(Reason::count_of_them));
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    refused_[i] = &metrics.counter("dunetrace_ingest_refused_total",
                                   "Requests with events that were not taken, by reason", {{"reason", kReasons[i]}});
  }
  constexpr std::array kCodes{202, 401, 403, 422, 429, 503};
  for (std::size_t i = 0; i < kCodes.size(); ++i) {
    codes_[i] = {kCodes[i], &metrics.counter("dunetrace_ingest_requests_total", "Requests with events by status",
                                             {{"code", std::to_string(kCodes[i])}})};
  }
}

void Receiver::answer(http::Responder& responder, http::Response response) {
  for (const auto& [code, counter] : codes_) {
    if (code == response.status) counter->add();
  }
  responder.send(std::move(response));
}

void Receiver::refuse(http::Responder& responder, http::Response response, Reason reason, std::size_t events) {
  refused_[static_cast<std::size_t>(reason)]->add();
  const bool no_room = reason == Reason::spool_full || reason == Reason::spool_failed || reason == Reason::stopping;
  (no_room ? dropped_ : rejected_).add(events);
  answer(responder, std::move(response));
}

// std::function wants what it holds to be copyable; a batch and a responder can only be moved.
struct Receiver::Pending {
  AcceptedBatch batch;
  http::Responder responder;
  std::string idempotency_key;  // as sent
};

void Receiver::receive(http::Request request, http::Responder responder) {
  const std::string bearer(bearer_key(request.header("authorization")));
  const std::string idempotency_key(request.header("idempotency-key"));
  const auto keys = std::ranges::count_if(
      request.headers, [](const auto& h) { return http::equal_ignoring_case(h.first, "idempotency-key"); });
  const auto hash = idempotency_key.empty() ? 0 : request_hash(request.body);
  auto admitted = admit(std::move(request.body), rules_, clock_.unix_seconds());
  const std::string key = admitted && !admitted->api_key.empty() ? admitted->api_key : bearer;
  const auto events = admitted ? admitted->batch.events.size() : admitted.error().events;
  if (auto refused = refused_by_rate(rate_, auth_, key, request.client_address)) {
    return refuse(responder, std::move(*refused), Reason::rate, events);
  }
  if (!admitted) {
    return refuse(responder, http::Response::json(422, std::move(admitted.error().body)), Reason::invalid, events);
  }
  if (!is_key(idempotency_key)) return refuse(responder, wrong_header(kNoKey), Reason::invalid, events);
  if (keys > 1) return refuse(responder, wrong_header(kTwoKeys), Reason::invalid, events);
  admitted->batch.request_hash = hash;
  auto agents = agents_of(admitted->batch, admitted->agent_id);
  const auto bytes = admitted->batch.bytes;
  const auto pending =
      std::make_shared<Pending>(Pending{std::move(admitted->batch), std::move(responder), idempotency_key});
  auth_.check(key, std::move(agents), bytes, [this, pending](const Verdict& verdict) { enter(pending, verdict); });
}

void Receiver::enter(const std::shared_ptr<Pending>& pending, const Verdict& verdict) {
  auto& [batch, responder, idempotency_key] = *pending;
  if (verdict.kind != Verdict::Kind::allowed) {
    return refuse(responder, refusal(verdict), reason_of(verdict.kind), batch.events.size());
  }
  batch.batch_id = new_uuid();
  batch.customer_id = verdict.customer_id;
  batch.accepted_at = clock_.unix_seconds();
  if (idempotency_key.empty()) return store(std::move(batch), std::move(responder));
  batch.idempotency_key = scoped_key(batch.customer_id, idempotency_key);
  const auto turn = first_answers_.begin(batch.idempotency_key, batch.request_hash, [this, pending](const auto& known) {
    replayed_.add();
    answer(pending->responder, known ? accepted(*known).with("Idempotency-Replayed", "true") : unavailable());
  });
  if (turn == FirstAnswers::Turn::first) return store(std::move(batch), std::move(responder));
  if (turn == FirstAnswers::Turn::repeated) return;
  refuse(responder, wrong_header(kReused), Reason::key_reused, batch.events.size());
}

Receiver::Reason Receiver::reason_of(Verdict::Kind kind) {
  switch (kind) {
    case Verdict::Kind::no_scope:
      return Reason::no_scope;
    case Verdict::Kind::foreign_agent:
      return Reason::foreign_agent;
    case Verdict::Kind::unavailable:
      return Reason::key_unavailable;
    case Verdict::Kind::allowed:
    case Verdict::Kind::unknown_key:
      break;
  }
  return Reason::unknown_key;
}

Receiver::Reason Receiver::reason_of(spool::Append how) {
  if (how == spool::Append::full) return Reason::spool_full;
  return how == spool::Append::closed ? Reason::stopping : Reason::spool_failed;
}

void Receiver::store(AcceptedBatch batch, http::Responder responder) {
  struct Promise {
    http::Responder responder;
    spool::FirstAnswer answer;
    std::array<std::uint64_t, 12> kinds{};
  };
  auto promise = std::make_shared<Promise>(
      Promise{std::move(responder),
              {batch.idempotency_key, batch.batch_id, batch.events.size(), batch.accepted_at, batch.request_hash},
              {}});
  for (const auto& event : batch.events) ++promise->kinds[static_cast<std::size_t>(event.kind)];
  spool_.append(std::move(batch), [this, promise](spool::Append how) {
    const auto& first = promise->answer;
    const bool kept = how == spool::Append::accepted;
    if (!first.key.empty()) first_answers_.settle(first.key, kept ? std::optional(first) : std::nullopt);
    if (!kept) return refuse(promise->responder, unavailable(), reason_of(how), first.events);
    for (std::size_t kind = 1; kind < promise->kinds.size(); ++kind) accepted_[kind]->add(promise->kinds[kind]);
    answer(promise->responder, accepted(first));
  });
}

}  // namespace dunetrace::ingest
