// dunetrace/alert.hpp - the C++17 layer for alert destinations, header only, over dunetrace/plugin.h. No virtual type,
// exception or std:: object leaves the plugin.
//
//   struct Post : dunetrace::HttpAlert {
//     struct Params { std::string url; };
//     static constexpr const char *plugin_id = "example.post", *vendor = "Example", *version = "1.0.0",
//                                 *license = "Apache-2.0", *id = "post", *title = "Post",
//                                 *doc = "One sentence for operators.";
//     static constexpr std::uint32_t max_batch = 50;         // alerts that one delivery takes
//     static constexpr auto params = std::make_tuple(
//         dunetrace::secret(dunetrace::required(&Params::url, "url", "", "Where alerts are sent.")));
//     Post(const Params& p, dunetrace::Host host) : HttpAlert(host), params_(p) {}
//     dunetrace::HttpRequest request(const dunetrace::AlertBatch& batch) const;   // [worker]
//   };
//   DUNE_ALERT_PLUGIN(Post)
//
// A destination that needs more than one request per batch has `Delivery deliver(const AlertBatch&)` instead of
// request(); HttpAlert::send() does one request with the usual meaning of its answer. It need not derive from
// HttpAlert.
#pragma once
#include <dunetrace/json_text.hpp>
#include <dunetrace/params.hpp>
#include <dunetrace/signal.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace dunetrace {
inline namespace v1 {

// One explained alert; texts are valid until deliver() returns. They are plain: dunetrace/escape.hpp makes them safe
// for chat markup or HTML.
class Alert : public detail::Element<dune_alert> {
 public:
  using Element::Element;
  double timestamp() const noexcept { return raw().detected_at; }  // Unix seconds of the detection
  std::string_view signal_id() const noexcept { return view(raw().signal_id); }
  std::string_view signal_type() const noexcept { return view(raw().signal_type); }
  std::string_view run_id() const noexcept { return view(raw().run_id); }
  std::string_view agent_id() const noexcept { return view(raw().agent_id); }
  std::string_view agent_version() const noexcept { return view(raw().agent_version); }
  Severity severity() const noexcept { return static_cast<Severity>(raw().severity); }
  const char* severity_name() const noexcept {
    static constexpr const char* kNames[] = {"LOW", "MEDIUM", "HIGH", "CRITICAL"};
    const auto s = raw().severity;
    return s >= DUNE_SEVERITY_LOW && s <= DUNE_SEVERITY_CRITICAL ? kNames[s - 1] : "UNKNOWN";  // a newer host's
  }
  double confidence() const noexcept { return raw().confidence; }
  std::string_view title() const noexcept { return view(raw().title); }
  std::string_view what() const noexcept { return view(raw().what); }
  std::string_view why_it_matters() const noexcept { return view(raw().why_it_matters); }
  std::string_view evidence_summary() const noexcept { return view(raw().evidence_summary); }
  std::string_view evidence_json() const noexcept { return view(raw().evidence_json); }  // one JSON object
  std::size_t fix_count() const noexcept { return raw().fix_count; }
  const dune_fix& fix(std::size_t index) const noexcept { return raw().fixes[index]; }
};

class AlertBatch {
 public:
  explicit AlertBatch(const dune_alert_batch* batch) noexcept : batch_(batch) {}
  const dune_alert_batch& raw() const noexcept { return *batch_; }
  List<Alert> alerts() const noexcept { return List<Alert>(batch_->alerts); }
  std::uint32_t attempt() const noexcept { return batch_->attempt; }  // 1 for the first
  // The same for every attempt at this batch; must be sent to the receiver.
  std::string_view idempotency_key() const noexcept { return view(batch_->idempotency_key); }
  // What the whole delivery may take. The host ends its HTTP exchanges then.
  std::chrono::milliseconds deadline() const noexcept { return std::chrono::milliseconds(batch_->deadline_ms); }

 private:
  const dune_alert_batch* batch_;
};

// How a delivery ended. The text is for operators' logs; say what the receiver answered, not what was sent.
struct Delivery {
  dune_status outcome = DUNE_DELIVERED;
  std::optional<std::chrono::milliseconds> retry_after;
  std::string text;

  static Delivery delivered() { return {}; }
  static Delivery retry(std::string text, std::optional<std::chrono::milliseconds> after = std::nullopt) {
    return {DUNE_RETRY_LATER, after, std::move(text)};
  }
  static Delivery rejected(std::string text) { return {DUNE_REJECTED, std::nullopt, std::move(text)}; }
};

// What an answer means: 2xx delivered; 408, 425, 429, 5xx and transport problems: again later, when the receiver says
// so; everything else: this batch will never be taken. Throws Failure when the host refused to send.
inline Delivery delivery_of(const HttpReply& reply) {
  const bool answered = reply.arrived() || reply.status > 0;  // an answer that is too long is one all the same
  if (!answered) {
    if (reply.error == DUNE_E_IO || reply.error == DUNE_E_TIMEOUT) return Delivery::retry(reply.why);
    throw Failure(reply.error, reply.why);
  }
  if (reply.status >= 200 && reply.status < 300) return Delivery::delivered();
  std::string text = "HTTP " + std::to_string(reply.status);
  const bool later = reply.status == 408 || reply.status == 425 || reply.status == 429 || reply.status >= 500;
  return later ? Delivery::retry(std::move(text), reply.retry_after) : Delivery::rejected(std::move(text));
}

// For destinations that are one HTTP request per batch.
class HttpAlert {
 public:
  explicit HttpAlert(Host host) : http_(host) {}

  // Sends it, with the batch's idempotency key as header unless the request has one already.
  Delivery send(HttpRequest request, const AlertBatch& batch) const {
    const auto named = [](const auto& header) { return header.first == kIdempotencyHeader; };
    if (std::none_of(request.headers.begin(), request.headers.end(), named)) {
      request.headers.emplace_back(kIdempotencyHeader, batch.idempotency_key());
    }
    return delivery_of(http_.send(request));
  }

  static constexpr const char* kIdempotencyHeader = "Idempotency-Key";

 private:
  Http http_;
};

namespace detail {

template <class D, class = void>
struct has_deliver : std::false_type {};
template <class D>
struct has_deliver<D, std::void_t<decltype(std::declval<D&>().deliver(std::declval<const AlertBatch&>()))>>
    : std::true_type {};

// The C callbacks and tables of one destination class.
template <class D>
struct AlertThunk : Table<D> {
  static Delivery call(D& destination, const AlertBatch& batch) {
    if constexpr (has_deliver<D>::value) {
      return destination.deliver(batch);
    } else {
      return destination.send(destination.request(batch), batch);
    }
  }
  static dune_status deliver(void* instance, const dune_alert_batch* batch, dune_delivery* out,
                             dune_error* error) noexcept {
    return guard(error, [&]() -> dune_status {
      const Delivery done = call(*static_cast<D*>(instance), AlertBatch(batch));
      if (done.retry_after) out->retry_after_ms = done.retry_after->count();
      if (!done.text.empty()) static_cast<void>(fail(error, DUNE_OK, done.text.c_str()));  // the reason, no failure
      return done.outcome;
    });
  }
  static const dune_plugin* plugin() noexcept {
    static const dune_alert_v1 vtable{sizeof(dune_alert_v1), D::max_batch, Table<D>::checked_create, Table<D>::destroy,
                                      deliver};
    return Table<D>::plugin(DUNE_IFACE_ALERT_V1, &vtable);
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace dunetrace

// Once per library, in one source file.
#define DUNE_ALERT_PLUGIN(D)                                             \
  extern "C" DUNE_EXPORT const dune_plugin* dune_plugin_entry_v1(void) { \
    return ::dunetrace::detail::AlertThunk<D>::plugin();                 \
  }
