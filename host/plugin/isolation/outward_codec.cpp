#include "plugin/isolation/outward_codec.hpp"

#include <algorithm>

#include "json/writer.hpp"

namespace dunetrace::plugin {
namespace {

constexpr std::size_t kMaxTextBytes = 2000;  // of a delivery
constexpr std::size_t kLeastAlertBytes = 64;

void pack(Packer& to, const Alert& alert) {
  to.text(alert.signal_id).text(alert.signal_type).text(alert.run_id).text(alert.agent_id).text(alert.agent_version);
  to.u32(static_cast<std::uint32_t>(alert.severity)).u32(static_cast<std::uint32_t>(alert.step_index));
  to.f64(alert.confidence).f64(alert.detected_at);
  to.text(alert.title).text(alert.what).text(alert.why_it_matters).text(alert.evidence_summary).text(alert.evidence);
  to.u32(static_cast<std::uint32_t>(alert.fixes.size()));
  for (const auto& fix : alert.fixes) to.text(fix.description).text(fix.language).text(fix.code);
}

Alert unpack_alert(Unpacker& from) {
  Alert out;
  for (auto* const text : {&out.signal_id, &out.signal_type, &out.run_id, &out.agent_id, &out.agent_version})
    *text = from.text();
  out.severity = static_cast<Severity>(from.u32());
  out.step_index = static_cast<std::int32_t>(from.u32());
  out.confidence = from.f64();
  out.detected_at = from.f64();
  for (auto* const text : {&out.title, &out.what, &out.why_it_matters, &out.evidence_summary, &out.evidence})
    *text = from.text();
  const auto fixes = from.count(3 * sizeof(std::uint32_t));
  for (std::uint32_t i = 0; i < fixes; ++i) {
    auto& fix = out.fixes.emplace_back();
    for (auto* const text : {&fix.description, &fix.language, &fix.code}) *text = from.text();
  }
  return out;
}

}  // namespace

void pack(Packer& to, const AlertBatch& batch) {
  to.u32(batch.attempt).text(batch.idempotency_key).i64(batch.deadline.count());
  to.u32(static_cast<std::uint32_t>(batch.alerts.size()));
  for (const auto& alert : batch.alerts) pack(to, alert);
}

AlertBatch unpack_batch(Unpacker& from) {
  AlertBatch out;
  out.attempt = from.u32();
  out.idempotency_key = from.text();
  out.deadline = std::chrono::milliseconds(from.i64());
  const auto alerts = from.count(kLeastAlertBytes);
  for (std::uint32_t i = 0; i < alerts; ++i) out.alerts.push_back(unpack_alert(from));
  return out;
}

void pack(Packer& to, const ActionCall& call) {
  to.text(call.action).text(call.input).text(call.idempotency_key).i64(call.deadline.count());
  to.u32(call.dry_run ? 1 : 0);
}

ActionCall unpack_action(Unpacker& from) {
  ActionCall out;
  out.action = from.text();
  out.input = from.text();
  out.idempotency_key = from.text();
  out.deadline = std::chrono::milliseconds(from.i64());
  out.dry_run = from.u32() != 0;
  return out;
}

void pack(Packer& to, const Delivery& delivery) {
  to.u32(static_cast<std::uint32_t>(delivery.outcome));
  to.i64(delivery.retry_after ? delivery.retry_after->count() : 0);
  to.text(std::string_view(delivery.text).substr(0, kMaxTextBytes));
}

Result<Delivery> unpack_delivery(Unpacker& from) {
  const auto outcome = from.u32();
  const auto after_ms = from.i64();
  auto text = json::repair_utf8(from.text().substr(0, kMaxTextBytes));
  std::erase(text, '\0');
  if (!from.done() || outcome > static_cast<std::uint32_t>(Delivery::Outcome::failed))
    return fail(Code::invalid_argument, "an outcome that makes no sense");
  Delivery out{static_cast<Delivery::Outcome>(outcome), std::nullopt, std::move(text)};
  if (out.outcome == Delivery::Outcome::retry && after_ms > 0)
    out.retry_after = std::chrono::milliseconds(std::min(after_ms, kLongestRetryMs));
  return out;
}

}  // namespace dunetrace::plugin
