// What every endpoint of the ingest port asks first: whose key, not too often, allowed to (spec/wire.md 3.3-3.5). Any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"
#include "ingest/auth.hpp"
#include "ingest/rate_limit.hpp"

namespace dunetrace::ingest {

// 503 for what may work in a second.
[[nodiscard]] http::Response unavailable();

// The answer to a verdict that is not `allowed`.
[[nodiscard]] http::Response refusal(const Verdict& verdict);

// 429 when this bucket's requests of the last minute are used up. Only a key that exists has a bucket of its own:
// made-up ones must neither fill the table nor open new buckets.
[[nodiscard]] std::optional<http::Response> refused_by_rate(RateLimit& rate, const Auth& auth, std::string_view key,
                                                            const std::string& address);

// auth.check() for a handler that may block; `unavailable` when no verdict comes in time.
[[nodiscard]] Verdict wait_for_verdict(Auth& auth, std::string_view key, std::vector<std::string> agents,
                                       std::size_t bytes);

}  // namespace dunetrace::ingest
