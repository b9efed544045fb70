#include "ingest/receive.hpp"

#include <algorithm>

#include "core/ids.hpp"
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

http::Response wrong_key() {
  ValidationErrors errors;
  errors.header("value_error", "Idempotency-Key", "1 to 255 visible ASCII characters are expected");
  return http::Response::json(422, errors.take());
}

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

void Receiver::receive(http::Request request, http::Responder responder) {
  const std::string bearer(bearer_key(request.header("authorization")));
  const std::string idempotency_key(request.header("idempotency-key"));
  auto admitted = admit(std::move(request.body), rules_, clock_.unix_seconds());
  const std::string key = admitted && !admitted->api_key.empty() ? admitted->api_key : bearer;
  if (auto refused = refused_by_rate(rate_, auth_, key, request.client_address)) {
    return answer(responder, std::move(*refused));
  }
  if (!admitted) {
    rejected_.add(admitted.error().events);
    return answer(responder, http::Response::json(422, std::move(admitted.error().body)));
  }
  if (!is_key(idempotency_key)) {
    rejected_.add(admitted->batch.events.size());
    return answer(responder, wrong_key());
  }
  auto agents = agents_of(admitted->batch, admitted->agent_id);
  // std::function wants what it holds to be copyable; the batch and the responder can only be moved.
  struct Pending {
    AcceptedBatch batch;
    http::Responder responder;
  };
  auto pending = std::make_shared<Pending>(Pending{std::move(admitted->batch), std::move(responder)});
  const auto bytes = pending->batch.bytes;
  auth_.check(key, std::move(agents), bytes, [this, pending, idempotency_key](const Verdict& verdict) {
    auto& [batch, responder_of] = *pending;
    if (verdict.kind != Verdict::Kind::allowed) {
      rejected_.add(batch.events.size());
      return answer(responder_of, refusal(verdict));
    }
    batch.batch_id = new_uuid();
    batch.customer_id = verdict.customer_id;
    batch.accepted_at = clock_.unix_seconds();
    if (idempotency_key.empty()) return store(std::move(batch), std::move(responder_of));
    batch.idempotency_key = scoped_key(batch.customer_id, idempotency_key);
    const bool first = first_answers_.begin(batch.idempotency_key, [this, pending](const auto& known) {
      replayed_.add();
      answer(pending->responder, known ? accepted(*known).with("Idempotency-Replayed", "true") : unavailable());
    });
    if (first) store(std::move(batch), std::move(responder_of));
  });
}

void Receiver::store(AcceptedBatch batch, http::Responder responder) {
  struct Pending {
    http::Responder responder;
    spool::FirstAnswer answer;
    std::array<std::uint64_t, 12> kinds{};
  };
  auto pending = std::make_shared<Pending>(Pending{
      std::move(responder), {batch.idempotency_key, batch.batch_id, batch.events.size(), batch.accepted_at}, {}});
  for (const auto& event : batch.events) ++pending->kinds[static_cast<std::size_t>(event.kind)];
  spool_.append(std::move(batch), [this, pending](spool::Append how) {
    const auto& [key, batch_id, events, at] = pending->answer;
    const bool kept = how == spool::Append::accepted;
    if (!key.empty()) first_answers_.settle(key, kept ? std::optional(pending->answer) : std::nullopt);
    if (!kept) {
      dropped_.add(events);
      return answer(pending->responder, unavailable());
    }
    for (std::size_t kind = 1; kind < pending->kinds.size(); ++kind) accepted_[kind]->add(pending->kinds[kind]);
    answer(pending->responder, accepted(pending->answer));
  });
}

}  // namespace dunetrace::ingest
