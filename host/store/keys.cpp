#include "store/keys.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "core/ids.hpp"
#include "store/session.hpp"

namespace dunetrace::store {
namespace {

constexpr std::string_view kStart = "dt_live_";
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kPrefixLength = kStart.size() + 8;  // 32 bits of 256: tells keys apart and gives nothing away

constexpr const char* kColumns =
    "id, key_prefix, customer_id, agent_id, array_to_string(scopes, ','), active, confined,"
    " extract(epoch FROM created_at)::float8, extract(epoch FROM revoked_at)::float8,"
    " extract(epoch FROM last_used_at)::float8";
constexpr int kColumnCount = 10;

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return parts;
}

template <class T>
std::optional<T> optional_of(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return field.as<T>();
}

ApiKey key_from(const pqxx::row& row) {
  return {.id = row[0].as<std::int64_t>(),
          .prefix = row[1].as<std::string>(),
          .customer_id = row[2].as<std::string>(),
          .agent_id = optional_of<std::string>(row[3]),
          .scopes = split(row[4].c_str()),
          .active = row[5].as<bool>(),
          .confined = row[6].as<bool>(),
          .created_at = row[7].as<double>(),
          .revoked_at = optional_of<double>(row[8]),
          .last_used_at = optional_of<double>(row[9])};
}

std::string bytea(std::string_view secret) { return "\\x" + sha256_hex(secret); }

Result<> check_scopes(const std::vector<std::string>& scopes) {
  if (scopes.empty()) return fail(Code::invalid_argument, "scopes: expected at least one of ingest, read, admin");
  for (const auto& scope : scopes) {
    if (std::ranges::find(kKeyScopes, scope) != std::end(kKeyScopes)) continue;
    return fail(Code::invalid_argument, fmt::format("scope '{}': expected ingest, read or admin", scope));
  }
  return {};
}

Result<> check_confined(const std::optional<std::string>& agent_id, const std::vector<std::string>& scopes) {
  if (!agent_id) return fail(Code::invalid_argument, "a confined key needs the agent that it is confined to");
  if (scopes == std::vector<std::string>{"ingest"}) return {};
  return fail(Code::invalid_argument, "a confined key has the scope ingest alone: reading is by customer");
}

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 18 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<NewApiKey> create_key(Database& db, const std::string& customer_id, const std::optional<std::string>& agent_id,
                             const std::vector<std::string>& scopes, bool confined) {
  if (customer_id.empty()) return fail(Code::invalid_argument, "customer: expected a name, it is empty");
  DUNE_TRY_VOID(check_scopes(scopes));
  if (confined) DUNE_TRY_VOID(check_confined(agent_id, scopes));
  NewApiKey made;
  made.secret = std::string(kStart) + random_hex(kSecretBytes);
  DUNE_TRY(key, transact(db, "create key", [&](pqxx::work& tx) -> Result<ApiKey> {
             const auto rows =
                 tx.exec_params(fmt::format("INSERT INTO api_keys (key_hash, key_prefix, customer_id, agent_id, scopes,"
                                            " confined) VALUES ($1::bytea, $2, $3, $4, $5::text[], $6) RETURNING {}",
                                            kColumns),
                                bytea(made.secret), made.secret.substr(0, kPrefixLength), customer_id, agent_id,
                                fmt::format("{{{}}}", fmt::join(scopes, ",")), confined);
             return key_from(rows[0]);
           }));
  made.key = std::move(key);
  return made;
}

Result<std::vector<ApiKey>> list_keys(Database& db, const std::optional<std::string>& customer_id) {
  return query(db, "list keys", [&](pqxx::work& tx) -> Result<std::vector<ApiKey>> {
    const auto rows = tx.exec_params(
        fmt::format("SELECT {} FROM api_keys WHERE $1::text IS NULL OR customer_id = $1 ORDER BY id", kColumns),
        customer_id);
    std::vector<ApiKey> keys;
    keys.reserve(rows.size());
    for (const auto& row : rows) keys.push_back(key_from(row));
    return keys;
  });
}

Result<ApiKey> revoke_key(Database& db, const std::string& id_or_prefix) {
  return transact(db, "revoke key", [&](pqxx::work& tx) -> Result<ApiKey> {
    const auto found =
        is_id(id_or_prefix)
            ? tx.exec_params("SELECT id FROM api_keys WHERE id = $1::bigint FOR UPDATE", id_or_prefix)
            : tx.exec_params("SELECT id FROM api_keys WHERE key_prefix = $1 OR key_hash = $2::bytea FOR UPDATE",
                             id_or_prefix, bytea(id_or_prefix));
    // A whole key may stand in the argument: only what is printed anyway is repeated.
    const auto shown = id_or_prefix.substr(0, kPrefixLength);
    if (found.empty()) return fail(Code::not_found, fmt::format("no API key with the id or prefix '{}'", shown));
    if (found.size() > 1) {
      return fail(Code::conflict, fmt::format("{} API keys have the prefix '{}': give the id", found.size(), shown));
    }
    const auto rows = tx.exec_params(
        fmt::format("UPDATE api_keys SET active = false, revoked_at = coalesce(revoked_at, now()) WHERE id = $1"
                    " RETURNING {}",
                    kColumns),
        found[0][0].as<std::int64_t>());
    return key_from(rows[0]);
  });
}

Result<std::vector<ActiveKey>> load_active_keys(Database& db) {
  return query(db, "load keys", [](pqxx::work& tx) -> Result<std::vector<ActiveKey>> {
    const auto rows = tx.exec(
        "SELECT key_hash, customer_id, agent_id, array_to_string(scopes, ','), confined FROM api_keys WHERE active");
    std::vector<ActiveKey> keys;
    keys.reserve(rows.size());
    for (const auto& row : rows) {
      ActiveKey key{
          {}, row[1].as<std::string>(), optional_of<std::string>(row[2]), split(row[3].c_str()), row[4].as<bool>()};
      const pqxx::binarystring hash(row[0]);
      DUNE_CHECK(hash.size() == key.hash.size(), "api_keys.key_hash has 32 bytes by its constraint");
      std::memcpy(key.hash.data(), hash.data(), key.hash.size());
      keys.push_back(std::move(key));
    }
    return keys;
  });
}

Result<std::optional<ApiKey>> find_active_key(Database& db, std::string_view secret) {
  return query(db, "find key", [&](pqxx::work& tx) -> Result<std::optional<ApiKey>> {
    const auto rows = tx.exec_params(
        fmt::format("SELECT {}, encode(key_hash, 'hex') FROM api_keys WHERE key_hash = $1::bytea AND active", kColumns),
        bytea(secret));
    if (rows.empty() || !equal_constant_time(sha256_hex(secret), rows[0][kColumnCount].c_str()))
      return std::optional<ApiKey>();
    return std::optional(key_from(rows[0]));
  });
}

Result<> note_used_keys(Database& db, const std::vector<Sha256>& hashes) {
  if (hashes.empty()) return {};
  std::vector<std::string> texts;
  texts.reserve(hashes.size());
  for (const auto& hash : hashes) {
    texts.push_back(to_hex({reinterpret_cast<const char*>(hash.data()), hash.size()}));
  }
  return transact(db, "note used keys", [&](pqxx::work& tx) -> Result<> {
    tx.exec_params(
        "UPDATE api_keys SET last_used_at = now() WHERE id IN (SELECT k.id FROM api_keys k"
        " JOIN unnest($1::text[]) AS used(hash) ON k.key_hash = decode(used.hash, 'hex')"
        " WHERE k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute' ORDER BY k.id FOR UPDATE)",
        fmt::format("{{{}}}", fmt::join(texts, ",")));
    return {};
  });
}

}  // namespace dunetrace::store
