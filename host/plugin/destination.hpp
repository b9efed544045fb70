// One instance of an alert destination (plugin-abi.md 14): created with its parameters, handed batches of explained
// alerts. Retries, back-off, order and dead letters are whoever's who calls. Used by one thread at a time. Where the
// plugin's code runs, here or in a runner, is the library's business; the outcomes are the same.
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
#include "plugin/isolation/runner_options.hpp"
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

constexpr std::int64_t kLongestRetryMs = 24 * 60 * 60 * 1000;  // beyond a day the alert is of no use

class Destination {
 public:
  // `values` in schema order, secrets resolved; the copies of secrets are cleared before this returns. `services`
  // outlives the destination. Error: the plugin's own text, prefixed with the component id. In this process.
  [[nodiscard]] static Result<Destination> create(const Entry& entry, std::vector<config::ParamValue> values,
                                                  Services& services);
  // The same where the library's mode says. A crash, or a call that is not over a second after its deadline, is a
  // `failed` with the reason and a strike; the next delivery starts a new runner with the values, which are kept for
  // that and wiped in the end. The runner ends with the thread that started it, so that should be one that stays.
  [[nodiscard]] static Result<Destination> create(const Entry& entry, std::vector<config::ParamValue> values,
                                                  Services& services, const Outward& how);
  Destination(Destination&&) noexcept;
  Destination& operator=(Destination&&) noexcept;
  ~Destination();

  // One attempt. The plugin's exchanges end at the deadline.
  [[nodiscard]] Delivery deliver(const AlertBatch& batch);
  [[nodiscard]] std::uint32_t max_batch() const;
  [[nodiscard]] const Component& component() const { return *entry_.component; }

  // Where its code runs. The batch is not empty and not too large.
  class Way {
   public:
    Way() = default;
    Way(const Way&) = delete;
    Way& operator=(const Way&) = delete;
    virtual ~Way() = default;
    [[nodiscard]] virtual Delivery deliver(const AlertBatch& batch) = 0;
  };

 private:
  Destination(const Entry& entry, std::unique_ptr<Way> way);
  Entry entry_;
  std::unique_ptr<Way> way_;
};

}  // namespace dunetrace::plugin
