// The body of POST /v1/ingest as a batch that may be promised, or everything that is wrong with it (spec/wire.md 3.1,
// 3.4). All or nothing: one invalid event refuses the batch. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "core/batch.hpp"

namespace dunetrace::ingest {

// Ids stand in the keys of the database's indexes, whose entries end at 2,704 bytes.
constexpr std::size_t kLongestId = 800;  // bytes

struct AdmissionRules {
  std::size_t max_batch_size = 500;
  bool rehash_legacy_fields = true;
};

struct Admitted {
  std::string api_key;   // of the body; empty when it carries none
  std::string agent_id;  // of the body
  AcceptedBatch batch;   // without batch_id and customer_id
};

struct Refusal {
  std::string body;        // of the 422 answer
  std::size_t events = 0;  // that were in the batch, as far as it could be read
};

// `now` is the time of receipt, for events without a time of their own.
[[nodiscard]] tl::expected<Admitted, Refusal> admit(std::string body, const AdmissionRules& rules, double now);

// Nothing but what JSON takes for white space.
[[nodiscard]] bool is_blank(std::string_view text);

}  // namespace dunetrace::ingest
