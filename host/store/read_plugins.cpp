#include "store/read_plugins.hpp"

#include <fmt/format.h>

#include <unordered_map>

#include "store/read_sql.hpp"

namespace dunetrace::store {
namespace {

// Of every component the files that some host has, or else the one that was there last.
constexpr const char* kOverview = R"(
  WITH shown AS (
    SELECT p.*, bool_or(p.absent_at IS NULL) OVER of_component AS present,
           row_number() OVER (PARTITION BY p.component ORDER BY p.absent_at DESC NULLS FIRST, p.reported_at DESC) AS nth
    FROM plugin_components p WINDOW of_component AS (PARTITION BY p.component))
  SELECT p.component, p.sha256, p.library, p.version, p.kind, p.title, array_to_string(p.signal_types, ',') AS types,
         p.mode, p.sandbox, p.file, p.abi, p.first_party, p.state, p.reported_by,
         extract(epoch FROM p.reported_at)::float8 AS reported_at, extract(epoch FROM p.absent_at)::float8 AS absent_at,
         s.recent, s.total, extract(epoch FROM l.at)::float8 AS strike_at, l.offence, l.text, l.customer_id, l.run_id,
         extract(epoch FROM q.since)::float8 AS since, q.reason
  FROM shown p
  LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE s.at > now() - interval '10 minutes' AND s.at > coalesce((
             SELECT max(r.released_at) FROM plugin_quarantine r
             WHERE r.component = p.component AND r.sha256 = p.sha256), '-infinity')) AS recent, count(*) AS total
    FROM plugin_strikes s WHERE s.component = p.component AND s.sha256 = p.sha256) s ON true
  LEFT JOIN LATERAL (
    SELECT * FROM plugin_strikes s WHERE s.component = p.component AND s.sha256 = p.sha256
    ORDER BY s.at DESC, s.id DESC LIMIT 1) l ON true
  LEFT JOIN plugin_quarantine q ON q.component = p.component AND q.sha256 = p.sha256 AND q.released_at IS NULL
  WHERE p.absent_at IS NULL OR (NOT p.present AND p.nth = 1)
  ORDER BY p.kind DESC, p.component, p.reported_at DESC)";

// Counted are the latest 10,000 runs that lack a detector's word: more of them would say nothing more.
constexpr const char* kFailures = R"(
  SELECT f.value ->> 'detector' AS detector, count(*) AS count
  FROM (SELECT r.incomplete FROM unnest($1::text[]) AS c(customer_id) CROSS JOIN LATERAL (
          SELECT p.incomplete, p.processed_at FROM processed_runs p
          WHERE p.customer_id = c.customer_id AND p.incomplete <> '[]' AND p.processed_at > now() - interval '1 day'
          ORDER BY p.processed_at DESC LIMIT 10000) r
        LIMIT 10000) r
  CROSS JOIN LATERAL jsonb_array_elements(r.incomplete) AS f(value)
  GROUP BY 1)";

constexpr const char* kHosts = R"(
  SELECT host, generation, extract(epoch FROM reload_at)::float8 AS reload_at, reload_ok, reload_error,
         refusals::text AS refusals, notes::text AS notes, unlocked
  FROM plugin_hosts
  WHERE reported_at > now() - interval '10 minutes' OR reported_at = (SELECT max(reported_at) FROM plugin_hosts)
  ORDER BY reload_ok, reload_at DESC NULLS LAST, host)";

constexpr const char* kNotices = R"(
  SELECT q.component, q.sha256, q.library, q.version, extract(epoch FROM q.since)::float8, q.reason
  FROM plugin_quarantine q
  JOIN plugin_components p ON p.component = q.component AND p.sha256 = q.sha256 AND p.absent_at IS NULL
  WHERE q.released_at IS NULL ORDER BY q.since, q.component)";

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return parts;
}

PluginRow row_from(const pqxx::row& row) {
  PluginRow out;
  const auto text = [&](const char* name) { return row[name].as<std::string>(); };
  out.component = {text("component"), text("sha256"), text("library"),      text("version"),
                   text("kind"),      text("title"),  split(text("types")), text("mode"),
                   text("sandbox"),   text("file"),   text("abi"),          row["first_party"].as<bool>(),
                   text("state")};
  out.reported_by = text("reported_by");
  out.reported_at = row["reported_at"].as<double>();
  out.absent_since = optional_real(row["absent_at"]);
  out.strikes_10m = row["recent"].as<std::int64_t>();
  out.strikes_total = row["total"].as<std::int64_t>();
  if (const auto at = optional_real(row["strike_at"])) {
    out.last_strike = LastStrike{*at, text("offence"), text("text"), text("customer_id"), text("run_id")};
  }
  if (const auto since = optional_real(row["since"])) {
    out.quarantine = PluginQuarantine{
        out.component.component, out.component.sha256, out.component.library, out.component.version, *since,
        text("reason")};
  }
  return out;
}

}  // namespace

Result<PluginOverview> plugin_overview(Database& db, const Scope& scope) {
  return query(db, "list plugins", [&](pqxx::work& tx) -> Result<PluginOverview> {
    PluginOverview all;
    for (const auto& row : tx.exec(kOverview)) all.components.push_back(row_from(row));
    std::unordered_map<std::string, std::int64_t> failures;
    for (const auto& row : tx.exec_params(kFailures, customers_of(tx, scope))) {
      if (!row["detector"].is_null()) failures[row["detector"].as<std::string>()] = row["count"].as<std::int64_t>();
    }
    for (auto& row : all.components) {
      const auto found = failures.find(row.component.component);
      if (found != failures.end()) row.failed_runs_24h = found->second;
    }
    for (const auto& row : tx.exec(kHosts)) {
      all.hosts.push_back({row["host"].as<std::string>(), row["generation"].as<std::uint64_t>(),
                           optional_real(row["reload_at"]), row["reload_ok"].as<bool>(),
                           row["reload_error"].as<std::string>(), row["refusals"].as<std::string>(),
                           row["notes"].as<std::string>(), row["unlocked"].as<bool>()});
    }
    return all;
  });
}

Result<std::vector<PluginQuarantine>> plugin_notices(Database& db) {
  return query(db, "read notices", [](pqxx::work& tx) -> Result<std::vector<PluginQuarantine>> {
    std::vector<PluginQuarantine> notices;
    for (const auto& row : tx.exec(kNotices)) {
      notices.push_back({row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<std::string>(),
                         row[3].as<std::string>(), row[4].as<double>(), row[5].as<std::string>()});
    }
    return notices;
  });
}

}  // namespace dunetrace::store
