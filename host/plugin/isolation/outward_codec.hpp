// Batches of alerts, actions and what came of them as bytes, for destinations and integrations in a runner. The host
// trusts nothing that comes back.
#pragma once

#include "core/result.hpp"
#include "plugin/destination.hpp"
#include "plugin/integration.hpp"
#include "plugin/isolation/packing.hpp"

namespace dunetrace::plugin {

void pack(Packer& to, const AlertBatch& batch);
[[nodiscard]] AlertBatch unpack_batch(Unpacker& from);

void pack(Packer& to, const ActionCall& call);
[[nodiscard]] ActionCall unpack_action(Unpacker& from);

void pack(Packer& to, const Delivery& delivery);
// Error: Code::invalid_argument (no runner of ours writes this). Texts are repaired and cut.
[[nodiscard]] Result<Delivery> unpack_delivery(Unpacker& from);

}  // namespace dunetrace::plugin
