// What a hostile runner may answer, by the first byte: a description, a delivery, values, a claimed signal. Refused, or
// sound by the rules that hold for plugins in this process.
#include <cmath>

#include "fuzz.hpp"
#include "json/reader.hpp"
#include "plugin/isolation/library_codec.hpp"
#include "plugin/isolation/outward_codec.hpp"
#include "plugin/sink.hpp"

namespace dunetrace::fuzz {
namespace {

using namespace plugin;

void check_library(std::string_view bytes) {
  Unpacker from(bytes);
  const auto found = unpack_library(from);
  if (!found) return;
  DUNE_HOLDS(found->validates.size() == found->library.components.size(), bytes);
  DUNE_HOLDS(is_utf8(found->library.id) && is_utf8(found->library.version), bytes);
  for (const auto& component : found->library.components)
    DUNE_HOLDS(component.vtable == nullptr && !component.schema.kind.empty(), bytes);
  Packer packed;
  pack(packed, found->library);
  Unpacker again(packed.bytes());
  const auto copy = unpack_library(again);
  Packer twice;
  DUNE_HOLDS(copy.has_value(), bytes);
  pack(twice, copy->library);
  DUNE_HOLDS(twice.bytes() == packed.bytes(), bytes);
}

void check_delivery(std::string_view bytes) {
  Unpacker from(bytes);
  const auto found = unpack_delivery(from);
  if (!found) return;
  DUNE_HOLDS(is_utf8(found->text) && found->text.find('\0') == std::string::npos, bytes);
  if (found->retry_after)
    DUNE_HOLDS(found->retry_after->count() > 0 && *found->retry_after <= std::chrono::hours(24), bytes);
}

void check_values(std::string_view bytes) {
  Unpacker from(bytes);
  const auto values = from.values();
  if (!from.done()) return;
  Packer packed;
  packed.values(values);
  Unpacker again(packed.bytes());
  Packer twice;
  twice.values(again.values());
  DUNE_HOLDS(again.done() && twice.bytes() == packed.bytes(), bytes);
}

void check_outward(std::string_view bytes) {
  Unpacker batch(bytes);
  Packer packed;
  const auto alerts = unpack_batch(batch);
  DUNE_HOLDS(alerts.alerts.size() <= bytes.size(), bytes);
  if (batch.done()) {
    pack(packed, alerts);
    // A severity is kept in a byte; all else comes back.
    Unpacker again(packed.bytes());
    Packer twice;
    pack(twice, unpack_batch(again));
    DUNE_HOLDS(again.done() && twice.bytes() == packed.bytes() && packed.bytes().size() == bytes.size(), bytes);
  }
  Unpacker action(bytes);
  static_cast<void>(unpack_action(action));
}

void check_claim(Choices& choices) {
  Component component;
  component.schema.id = "odd_run";
  component.schema.signal_types = {"ODD_RUN", "O"};
  component.default_signal_type = "ODD_RUN";
  const auto step = choices.number<std::int32_t>();
  Claim claim;
  claim.type = choices.flag() ? "ODD_RUN" : std::string(choices.text());
  claim.severity = choices.byte();
  claim.confidence = choices.number<double>();
  claim.step_index = choices.number<std::int32_t>();
  claim.evidence = choices.rest();
  json::Parser parser{kMaxEvidenceDepth + 1};
  const auto signal = check_signal(component, step, claim, parser);
  if (!signal) {
    DUNE_HOLDS(is_utf8(signal.error().text), claim.evidence);
    return;
  }
  DUNE_HOLDS(signal->confidence >= 0 && signal->confidence <= 1, claim.evidence);
  DUNE_HOLDS(signal->step_index >= 0 && signal->step_index <= step, claim.evidence);
  DUNE_HOLDS(!severity_from(to_text(signal->severity)) == false, claim.evidence);
  DUNE_HOLDS(is_utf8(signal->evidence) && !json::storable(signal->evidence), claim.evidence);
  const auto evidence = parser.parse(signal->evidence);
  DUNE_HOLDS(evidence && evidence->is_object(), claim.evidence);
}

}  // namespace

void run(std::string_view input) {
  Choices choices(input);
  switch (choices.below(5)) {
    case 0:
      return check_library(choices.rest());
    case 1:
      return check_delivery(choices.rest());
    case 2:
      return check_values(choices.rest());
    case 3:
      return check_outward(choices.rest());
    default:
      return check_claim(choices);
  }
}

}  // namespace dunetrace::fuzz
