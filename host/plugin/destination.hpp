// One instance of an alert destination (plugin-abi.md 14): created with its parameters, handed batches of explained
// alerts. Retries, back-off, order and dead letters are whoever's who calls. Used by one thread at a time. Runs the
// plugin in this process; needs an entry, values and services only, so it works in a runner as well.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/parameters.hpp"
#include "core/result.hpp"
#include "core/signal.hpp"
#include "plugin/registry.hpp"
#include "plugin/services.hpp"

namespace dunetrace::plugin {

// A signal with its explanation, as plain text.
struct Alert {
  std::string signal_id, signal_type, run_id, agent_id, agent_version;
  Severity severity = Severity::low;
  std::int32_t step_index = 0;
  double confidence = 0;
  double detected_at = 0;  // Unix seconds
  std::string title, what, why_it_matters, evidence_summary;
  std::string evidence = "{}";  // a JSON object
  std::vector<Fix> fixes;
};

struct AlertBatch {
  std::uint32_t attempt = 1;
  std::string idempotency_key;  // the same for every attempt
  std::vector<Alert> alerts;    // at most max_batch()
  std::chrono::milliseconds deadline{30'000};
};

struct Delivery {
  enum class Outcome : std::uint8_t { delivered, retry, rejected, failed };
  Outcome outcome = Outcome::failed;
  std::optional<std::chrono::milliseconds> retry_after;  // at most a day; only with retry
  std::string text;                                      // why, for operators; may be empty unless failed
};

[[nodiscard]] constexpr std::string_view to_text(Delivery::Outcome outcome) {
  switch (outcome) {
    case Delivery::Outcome::delivered:
      return "delivered";
    case Delivery::Outcome::retry:
      return "retry";
    case Delivery::Outcome::rejected:
      return "rejected";
    case Delivery::Outcome::failed:
      break;
  }
  return "failed";
}

class Destination {
 public:
  // `values` in schema order, secrets resolved; the copies of secrets are cleared before this returns. `services`
  // outlives the destination. Error: the plugin's own text, prefixed with the component id.
  [[nodiscard]] static Result<Destination> create(const Entry& entry, std::vector<config::ParamValue> values,
                                                  Services& services);
  Destination(Destination&&) noexcept;
  Destination& operator=(Destination&&) noexcept;
  ~Destination();

  // One attempt. The plugin's exchanges end at the deadline.
  [[nodiscard]] Delivery deliver(const AlertBatch& batch);
  [[nodiscard]] std::uint32_t max_batch() const;
  [[nodiscard]] const Component& component() const;

 private:
  struct Impl;
  explicit Destination(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunetrace::plugin
