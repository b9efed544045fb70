// API keys (table api_keys). Only the SHA-256 of a key is stored; whoever creates one sees it once. The database
// announces every change on the channel kKeysChannel, so that caches follow at once. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/hash.hpp"
#include "core/result.hpp"
#include "store/database.hpp"

namespace dunetrace::store {

inline constexpr const char* kKeysChannel = "dunetrace_keys";
inline constexpr std::string_view kKeyScopes[] = {"ingest", "read", "admin"};

struct ApiKey {
  std::int64_t id = 0;
  std::string prefix;  // "dt_live_1a2b3c4d", what people recognise the key by
  std::string customer_id;
  std::optional<std::string> agent_id;  // belongs to this customer: others may not write to it
  std::vector<std::string> scopes;
  bool active = true;
  bool confined = false;  // may write to agent_id alone
  double created_at = 0;  // Unix seconds
  std::optional<double> revoked_at;
  std::optional<double> last_used_at;  // to the minute
};

struct NewApiKey {
  ApiKey key;
  std::string secret;  // "dt_live_" and 64 hex digits; kept nowhere
};

// What a cache needs to answer for a key.
struct ActiveKey {
  Sha256 hash{};
  std::string customer_id;
  std::optional<std::string> agent_id;
  std::vector<std::string> scopes;
  bool confined = false;
};

// Code::invalid_argument for an empty customer, no scope or an unknown one, and for a confined key without an agent or
// with other scopes than `ingest`.
[[nodiscard]] Result<NewApiKey> create_key(Database& db, const std::string& customer_id,
                                           const std::optional<std::string>& agent_id,
                                           const std::vector<std::string>& scopes, bool confined = false);

// All keys, revoked ones included, oldest first; of one customer when it is given.
[[nodiscard]] Result<std::vector<ApiKey>> list_keys(Database& db, const std::optional<std::string>& customer_id = {});

// By id, prefix or the key itself. Revoking twice changes nothing. Code::not_found, or conflict when a prefix fits
// several.
[[nodiscard]] Result<ApiKey> revoke_key(Database& db, const std::string& id_or_prefix);

[[nodiscard]] Result<std::vector<ActiveKey>> load_active_keys(Database& db);

// Empty when the key is unknown or revoked.
[[nodiscard]] Result<std::optional<ApiKey>> find_active_key(Database& db, std::string_view secret);

// Keys by which somebody came just now, for `last_used_at`. Unknown ones are left out.
[[nodiscard]] Result<> note_used_keys(Database& db, const std::vector<Sha256>& hashes);

}  // namespace dunetrace::store
