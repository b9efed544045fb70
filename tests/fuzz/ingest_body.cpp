// The body of POST /v1/ingest. Accepted means: every event has its fields within their limits, and a payload that is
// one JSON object the database takes, says what the client said, and gives no arguments away. Refused means: a body
// that says why. What is accepted comes out of the spool as it went in.
#include <cmath>

#include "fuzz.hpp"
#include "ingest/admission.hpp"
#include "ingest/privacy.hpp"
#include "ingest/validation.hpp"
#include "json/reader.hpp"

namespace dunetrace::fuzz {
namespace {

using namespace ingest;

constexpr double kNow = 1'767'225'600.25;
constexpr AdmissionRules kGuarded{50, true};
constexpr AdmissionRules kUnguarded{50, false};

void check_id(std::string_view id, std::string_view input) {
  DUNE_HOLDS(!id.empty() && id.size() <= kLongestId, input);
  DUNE_HOLDS(is_utf8(id) && id.find('\0') == std::string_view::npos, input);
}

void check_payload(const json::Value& payload, std::string_view text) {
  DUNE_HOLDS(payload.is_object() && !json::storable(text), text);
  payload.each_member([&](std::string_view name, json::Value value) {
    const auto shown = value.string();
    if (!shown) return;
    if (name == "args_hash") DUNE_HOLDS(!is_reversible_args(*shown), text);
    if (name == "error_hash") DUNE_HOLDS(!is_reversible_error(*shown), text);
  });
  DUNE_HOLDS(!without_reversible(text), text);
}

void check_event(const AcceptedEvent& event, json::Parser& parser, std::string_view input) {
  DUNE_HOLDS(event.kind != EventKind::other && event.step_index >= 0 && std::isfinite(event.timestamp), input);
  for (const auto id : {event.run_id, event.agent_id, event.agent_version}) check_id(id, input);
  if (event.parent_run_id.data() != nullptr) check_id(event.parent_run_id, input);
  if (event.model.data() != nullptr) DUNE_HOLDS(event.kind == EventKind::run_started && is_utf8(event.model), input);
  DUNE_HOLDS(event.prompt_tokens >= 0 && event.completion_tokens >= 0, input);
  const auto payload = parser.parse(event.payload);
  DUNE_HOLDS(payload.has_value(), event.payload);
  check_payload(*payload, event.payload);
}

void check_refusal(const Refusal& refusal, json::Parser& parser) {
  const auto root = parser.parse(refusal.body);
  DUNE_HOLDS(root && (*root)["detail"].is_array(), refusal.body);
  const auto problems = (*root)["detail"].size();
  DUNE_HOLDS(problems > 0 && problems <= ValidationErrors::kMost, refusal.body);
  (*root)["detail"].each_element([&](json::Value problem) {
    DUNE_HOLDS(problem["type"].string() && problem["msg"].string() && problem["loc"].size() > 0, refusal.body);
  });
}

// Without the guard a payload is what the client sent, unless the database could not hold it.
void check_kept(std::string_view input, const AcceptedBatch& batch) {
  if (json::storable(input)) return;
  json::Parser whole, one;
  const auto root = whole.parse(input);
  DUNE_HOLDS(root.has_value(), input);
  (*root)["events"].each_element([&, i = std::size_t{0}](json::Value event) mutable {
    const auto kept = one.parse(batch.events.at(i++).payload);
    const auto sent = event["payload"];
    DUNE_HOLDS(kept && json::to_text(*kept) == (sent.missing() ? "{}" : json::to_text(sent)), input);
  });
}

}  // namespace

void run(std::string_view input) {
  json::Parser parser;
  const auto guarded = admit(std::string(input), kGuarded, kNow);
  const auto unguarded = admit(std::string(input), kUnguarded, kNow);
  DUNE_HOLDS(guarded.has_value() == unguarded.has_value(), input);
  if (!guarded) return check_refusal(guarded.error(), parser);
  const auto& events = guarded->batch.events;
  DUNE_HOLDS(!events.empty() && events.size() <= kGuarded.max_batch_size && !guarded->agent_id.empty(), input);
  for (const auto& event : events) check_event(event, parser, input);
  check_kept(input, unguarded->batch);
}

}  // namespace dunetrace::fuzz
