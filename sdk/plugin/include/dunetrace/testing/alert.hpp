// dunetrace/testing/alert.hpp - lets a destination deliver alerts in a test, without a network. Header only, C++17.
//
//   FakeHost host;
//   host.reply(503);
//   const auto sent = deliver<Post>(host, {{"url", "https://example.com/hook"}}, {SampleAlert()});
//   // sent.outcome == DUNE_RETRY_LATER; host.requests()[0].json()["alerts"][0]["title"] == "…"
#pragma once
#include <dunetrace/alert.hpp>
#include <dunetrace/testing/component.hpp>

#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunetrace {
inline namespace v1 {
namespace testing {

// An explained alert with texts that stand out in a failure; change what a test is about.
struct SampleAlert {
  std::string signal_id = "signal-1", signal_type = "SAMPLE", run_id = "run-1", agent_id = "agent",
              agent_version = "v1";
  Severity severity = Severity::high;
  double confidence = 0.9, detected_at = 1767225600;
  std::int32_t step = 3;
  std::string title = "A sample", what = "Something happened.", why_it_matters = "It costs.";
  std::string evidence_summary = "3 of 5 calls", evidence_json = R"({"count":3})";
  struct Fix {
    std::string description, language, code;
  };
  std::vector<Fix> fixes = {};
};

struct Attempt {
  std::uint32_t number = 1;
  std::string idempotency_key = "key-1";
  std::int64_t deadline_ms = 10'000;
};

// How it ended. A failure (negative) is a value here, because a destination may fail for good reasons.
struct Delivered {
  dune_status outcome = DUNE_DELIVERED;  // DUNE_DELIVERED, DUNE_RETRY_LATER, DUNE_REJECTED, or negative
  std::int64_t retry_after_ms = 0;
  std::string text;  // what the plugin says about it
};

inline Delivered deliver(const dune_plugin* plugin, const FakeHost& host, Settings settings,
                         const std::vector<SampleAlert>& alerts, const Attempt& attempt = {}) {
  // Records of the host may be larger than the plugin knows them; so are these.
  constexpr std::size_t kStride = sizeof(dune_alert) + 24;
  const dune_component& component = detail::component_of(plugin, DUNE_IFACE_ALERT_V1);
  const detail::Config config(component, std::move(settings));
  detail::Instance<dune_alert_v1> destination(component, host, config);
  std::vector<std::vector<dune_fix>> fixes(alerts.size());
  std::vector<unsigned char> bytes(kStride * alerts.size(), 0xEE);
  for (std::size_t i = 0; i < alerts.size(); ++i) {
    const SampleAlert& from = alerts[i];
    for (const auto& fix : from.fixes) fixes[i].push_back({str(fix.description), str(fix.language), str(fix.code)});
    dune_alert to{};
    to.step_index = from.step;
    to.severity = static_cast<std::uint32_t>(from.severity);
    to.signal_id = str(from.signal_id);
    to.signal_type = str(from.signal_type);
    to.run_id = str(from.run_id);
    to.agent_id = str(from.agent_id);
    to.agent_version = str(from.agent_version);
    to.confidence = from.confidence;
    to.detected_at = from.detected_at;
    to.title = str(from.title);
    to.what = str(from.what);
    to.why_it_matters = str(from.why_it_matters);
    to.evidence_summary = str(from.evidence_summary);
    to.evidence_json = str(from.evidence_json);
    to.fixes = fixes[i].data();
    to.fix_count = static_cast<std::uint32_t>(fixes[i].size());
    std::memcpy(bytes.data() + i * kStride, &to, sizeof to);
  }
  const dune_alert_batch batch{sizeof(dune_alert_batch),
                               attempt.number,
                               str(attempt.idempotency_key),
                               {bytes.data(), static_cast<std::uint32_t>(alerts.size()), kStride},
                               attempt.deadline_ms};
  dune_delivery out{sizeof(dune_delivery), 0, 0};
  dune_error error{};
  const dune_status outcome = destination->deliver(destination.raw(), &batch, &out, &error);
  return {outcome, out.retry_after_ms, detail::message_of(error)};
}
template <class T>
Delivered deliver(const FakeHost& host, Settings settings, const std::vector<SampleAlert>& alerts,
                  const Attempt& attempt = {}) {
  return deliver(dunetrace::detail::AlertThunk<T>::plugin(), host, std::move(settings), alerts, attempt);
}

}  // namespace testing
}  // namespace v1
}  // namespace dunetrace
