#include "plugin/destination.hpp"

#include <dunetrace/plugin.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "config/secrets.hpp"
#include "plugin/calls.hpp"
#include "plugin/host_services.hpp"
#include "plugin/isolation/outward.hpp"
#include "plugin/take.hpp"

namespace dunetrace::plugin {
namespace {

dune_alert_v1 table_of(const void* vtable) {
  dune_alert_v1 table{};
  const bool ok = take(vtable, table, offsetof(dune_alert_v1, deliver) + sizeof(table.deliver));
  DUNE_CHECK(ok, "the alert table was checked when it was described");
  return table;
}

// A batch in the contract's form; borrows the texts.
class BatchView {
 public:
  explicit BatchView(const AlertBatch& batch) {
    std::size_t fixes = 0;
    for (const auto& alert : batch.alerts) fixes += alert.fixes.size();
    fixes_.reserve(fixes);
    alerts_.reserve(batch.alerts.size());
    for (const auto& alert : batch.alerts) alerts_.push_back(convert(alert));
    batch_.struct_size = sizeof batch_;
    batch_.attempt = batch.attempt;
    batch_.idempotency_key = to_str(batch.idempotency_key);
    batch_.alerts = {alerts_.data(), static_cast<std::uint32_t>(alerts_.size()), sizeof(dune_alert)};
    batch_.deadline_ms = batch.deadline.count();
  }
  [[nodiscard]] const dune_alert_batch* raw() const { return &batch_; }

 private:
  dune_alert convert(const Alert& alert) {
    dune_alert out{};
    out.step_index = alert.step_index;
    out.severity = static_cast<std::uint32_t>(alert.severity);
    out.signal_id = to_str(alert.signal_id);
    out.signal_type = to_str(alert.signal_type);
    out.run_id = to_str(alert.run_id);
    out.agent_id = to_str(alert.agent_id);
    out.agent_version = to_str(alert.agent_version);
    out.confidence = alert.confidence;
    out.detected_at = alert.detected_at;
    out.title = to_str(alert.title);
    out.what = to_str(alert.what);
    out.why_it_matters = to_str(alert.why_it_matters);
    out.evidence_summary = to_str(alert.evidence_summary);
    out.evidence_json = to_str(alert.evidence);
    out.fixes = fixes_.data() + fixes_.size();
    out.fix_count = static_cast<std::uint32_t>(alert.fixes.size());
    for (const auto& fix : alert.fixes) {
      fixes_.push_back({to_str(fix.description), to_str(fix.language), to_str(fix.code)});
    }
    return out;
  }

  std::vector<dune_fix> fixes_;  // never grows beyond what was reserved: alerts point into it
  std::vector<dune_alert> alerts_;
  dune_alert_batch batch_{};
};

Delivery failed(std::string text) { return {Delivery::Outcome::failed, std::nullopt, std::move(text)}; }

class Here final : public Destination::Way {
 public:
  Here(const Entry& entry, Services& services)
      : host_(*entry.component, services), table_(table_of(entry.component->vtable)), instance_(table_.destroy) {}
  dune_status make(const dune_config* config, dune_error& error) {
    return instance_.make(table_.create, host_.raw(), config, error);
  }
  Delivery deliver(const AlertBatch& batch) override;

 private:
  HostServices host_;
  dune_alert_v1 table_;
  Instance instance_;
};

Delivery Here::deliver(const AlertBatch& batch) {
  const BatchView view(batch);
  dune_delivery said{};
  said.struct_size = sizeof said;
  dune_error error{};
  host_.set_deadline(std::chrono::steady_clock::now() + batch.deadline);
  const auto status = guarded(error, [&] { return table_.deliver(instance_.get(), view.raw(), &said, &error); });
  host_.set_deadline(std::nullopt);
  switch (status) {
    case DUNE_DELIVERED:
      return {Delivery::Outcome::delivered, std::nullopt, remark(error)};
    case DUNE_REJECTED:
      return {Delivery::Outcome::rejected, std::nullopt, remark(error)};
    case DUNE_RETRY_LATER: {
      Delivery out{Delivery::Outcome::retry, std::nullopt, remark(error)};
      if (said.retry_after_ms > 0) {
        out.retry_after = std::chrono::milliseconds(std::min(said.retry_after_ms, kLongestRetryMs));
      }
      return out;
    }
    default:
      return failed(status < 0 ? reason(status, error) : fmt::format("answered with the unknown outcome {}", status));
  }
}

}  // namespace

Destination::Destination(const Entry& entry, std::unique_ptr<Way> way) : entry_(entry), way_(std::move(way)) {}
Destination::Destination(Destination&&) noexcept = default;
Destination& Destination::operator=(Destination&&) noexcept = default;
Destination::~Destination() = default;

std::uint32_t Destination::max_batch() const { return entry_.component->max_batch; }

Result<Destination> Destination::create(const Entry& entry, std::vector<config::ParamValue> values,
                                        Services& services) {
  if (entry.component->vtable == nullptr) return fail(Code::denied, entry.component->schema.id + ": is isolated");
  auto here = std::make_unique<Here>(entry, services);
  const ConfigValues config(values, {});
  dune_error error{};
  const auto status = here->make(config.raw(), error);
  config::wipe_secrets(entry.component->schema, values);
  if (status != DUNE_OK) {
    return fail(Code::invalid_argument,
                fmt::format("{}: create: {}", entry.component->schema.id, reason(status, error)));
  }
  return Destination(entry, std::move(here));
}

Result<Destination> Destination::create(const Entry& entry, std::vector<config::ParamValue> values, Services& services,
                                        const Outward& how) {
  if (entry.library->mode == Mode::in_process) return create(entry, std::move(values), services);
  DUNE_TRY(way, outside_destination(entry, std::move(values), services, how));
  return Destination(entry, std::move(way));
}

Delivery Destination::deliver(const AlertBatch& batch) {
  if (batch.alerts.empty() || batch.alerts.size() > max_batch()) {
    return failed(
        fmt::format("a batch of {} alerts; {} takes 1 to {}", batch.alerts.size(), component().schema.id, max_batch()));
  }
  return way_->deliver(batch);
}

}  // namespace dunetrace::plugin
