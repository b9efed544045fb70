#include "ingest/receive.hpp"

#include "core/ids.hpp"
#include "ingest/door.hpp"
#include "json/writer.hpp"

namespace dunetrace::ingest {

namespace {

telemetry::Counter& event_counter(telemetry::Metrics& metrics, std::string_view type, std::string_view outcome) {
  return metrics.counter("dunetrace_ingest_events_total", "Events by type and what became of them at the door",
                         {{"event_type", std::string(type)}, {"outcome", std::string(outcome)}});
}

http::Response accepted(const AcceptedBatch& batch, double now) {
  json::Writer out;
  out.begin_object();
  out.field("accepted", batch.events.size());
  out.field("batch_id", batch.batch_id);
  out.field("queued_at", now);
  out.end_object();
  return http::Response::json(202, out.take());
}

}  // namespace

Receiver::Receiver(AdmissionRules rules, RateLimit& rate, Auth& auth, spool::Spool& spool, telemetry::Metrics& metrics,
                   const Clock& clock)
    : rules_(rules),
      rate_(rate),
      auth_(auth),
      spool_(spool),
      clock_(clock),
      rejected_(event_counter(metrics, "any", "rejected")),
      dropped_(event_counter(metrics, "any", "dropped")) {
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
  auto admitted = admit(std::move(request.body), rules_, clock_.unix_seconds());
  const std::string key = admitted && !admitted->api_key.empty() ? admitted->api_key : bearer;
  if (auto refused = refused_by_rate(rate_, auth_, key, request.client_address)) {
    return answer(responder, std::move(*refused));
  }
  if (!admitted) {
    rejected_.add(admitted.error().events);
    return answer(responder, http::Response::json(422, std::move(admitted.error().body)));
  }
  auto agents = agents_of(admitted->batch, admitted->agent_id);
  // std::function wants what it holds to be copyable; the batch and the responder can only be moved.
  struct Pending {
    AcceptedBatch batch;
    http::Responder responder;
  };
  auto pending = std::make_shared<Pending>(Pending{std::move(admitted->batch), std::move(responder)});
  const auto bytes = pending->batch.bytes;
  auth_.check(key, std::move(agents), bytes, [this, pending](const Verdict& verdict) {
    if (verdict.kind != Verdict::Kind::allowed) {
      rejected_.add(pending->batch.events.size());
      return answer(pending->responder, refusal(verdict));
    }
    store(std::move(pending->batch), verdict, std::move(pending->responder));
  });
}

void Receiver::store(AcceptedBatch batch, const Verdict& verdict, http::Responder responder) {
  batch.batch_id = new_uuid();
  batch.customer_id = verdict.customer_id;
  struct Pending {
    http::Responder responder;
    http::Response response;
    std::size_t events = 0;
    std::array<std::uint64_t, 12> kinds{};
  };
  auto pending = std::make_shared<Pending>(
      Pending{std::move(responder), accepted(batch, clock_.unix_seconds()), batch.events.size(), {}});
  for (const auto& event : batch.events) ++pending->kinds[static_cast<std::size_t>(event.kind)];
  spool_.append(std::move(batch), [this, pending](spool::Append how) {
    if (how != spool::Append::accepted) {
      dropped_.add(pending->events);
      return answer(pending->responder, unavailable());
    }
    for (std::size_t kind = 1; kind < pending->kinds.size(); ++kind) accepted_[kind]->add(pending->kinds[kind]);
    answer(pending->responder, std::move(pending->response));
  });
}

}  // namespace dunetrace::ingest
