#include "store/plugin_states.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "store/session.hpp"
#include "store/sql_array.hpp"

namespace dunetrace::store {
namespace {

// Parameters end at a NUL, and nothing after it would be read.
std::string without_nul(std::string text) {
  std::erase(text, '\0');
  return text;
}

// Who was struck or is off must not come back with a crash of the server: its host forgets what is written here.
constexpr const char* kDurable = "SET LOCAL synchronous_commit = on";

constexpr const char* kComponents = R"(
  INSERT INTO plugin_components (component, sha256, library, version, kind, title, signal_types, mode, sandbox, file, abi,
                                 first_party, state, reported_by)
  SELECT c.component, c.sha256, c.library, c.version, c.kind, c.title, string_to_array(c.types, ','), c.mode, c.sandbox,
         c.file, c.abi, c.first_party, c.state, $1
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
              $10::text[], $11::text[], $12::text[], $13::boolean[], $14::text[])
    AS c(component, sha256, library, version, kind, title, types, mode, sandbox, file, abi, first_party, state)
  ORDER BY c.component, c.sha256
  ON CONFLICT (component, sha256) DO UPDATE SET
    library = EXCLUDED.library, version = EXCLUDED.version, kind = EXCLUDED.kind, title = EXCLUDED.title,
    signal_types = EXCLUDED.signal_types, mode = EXCLUDED.mode, sandbox = EXCLUDED.sandbox, file = EXCLUDED.file,
    abi = EXCLUDED.abi, first_party = EXCLUDED.first_party, state = EXCLUDED.state,
    reported_by = EXCLUDED.reported_by, reported_at = now(), absent_at = NULL)";

// In the order of the primary key, like the insert: two hosts that report at once do not lock each other out.
constexpr const char* kMarkAbsent = R"(
  UPDATE plugin_components p SET absent_at = now()
  FROM (SELECT component, sha256 FROM plugin_components
        WHERE absent_at IS NULL
          AND (($1 AND reported_by = $2 AND reported_at < now()) OR reported_at < now() - interval '10 minutes')
        ORDER BY component, sha256 FOR UPDATE) gone
  WHERE p.component = gone.component AND p.sha256 = gone.sha256)";

constexpr const char* kHost = R"(
  INSERT INTO plugin_hosts (host, generation, reload_at, reload_ok, reload_error, refusals, notes, unlocked)
  VALUES ($1, $2, to_timestamp($3::float8), $4, $5, $6::jsonb, $7::jsonb, $8)
  ON CONFLICT (host) DO UPDATE SET generation = EXCLUDED.generation, reload_at = EXCLUDED.reload_at,
    reload_ok = EXCLUDED.reload_ok, reload_error = EXCLUDED.reload_error, refusals = EXCLUDED.refusals,
    notes = EXCLUDED.notes, unlocked = EXCLUDED.unlocked,
    reported_at = now())";

constexpr const char* kStrikeColumns =
    "s.uid::text, s.component, s.sha256, s.library, s.version, extract(epoch FROM s.at)::float8, s.offence,"
    " s.customer_id, s.run_id, s.text, s.reported_by";

// Strikes from before an operator enabled the component are history.
constexpr const char* kSinceEnabled =
    "s.at > coalesce((SELECT max(q.released_at) FROM plugin_quarantine q"
    " WHERE q.component = s.component AND q.sha256 = s.sha256), '-infinity')";

constexpr const char* kQuarantineColumns =
    "component, sha256, library, version, extract(epoch FROM since)::float8, reason";

PluginStrike strike_from(const pqxx::row& row) {
  return {row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<std::string>(), row[3].as<std::string>(),
          row[4].as<std::string>(), row[5].as<double>(),      row[6].as<std::string>(), row[7].as<std::string>(),
          row[8].as<std::string>(), row[9].as<std::string>(), row[10].as<std::string>()};
}

PluginQuarantine quarantine_from(const pqxx::row& row) {
  return {row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<std::string>(),
          row[3].as<std::string>(), row[4].as<double>(),      row[5].as<std::string>()};
}

template <class T, class F>
std::vector<T> rows_of(const pqxx::result& result, F make) {
  std::vector<T> rows;
  rows.reserve(static_cast<std::size_t>(result.size()));
  for (const auto& row : result) rows.push_back(make(row));
  return rows;
}

void write_components(pqxx::work& tx, const PluginReport& report) {
  SqlArray columns[13];
  for (const auto& c : report.components) {
    const std::string types = fmt::format("{}", fmt::join(c.signal_types, ","));
    const std::string_view texts[] = {c.component, c.sha256, c.library, c.version, c.kind, c.title,
                                      types,       c.mode,   c.sandbox, c.file,    c.abi};
    for (std::size_t i = 0; i < std::size(texts); ++i) columns[i].add(texts[i]);
    columns[11].add_plain(c.first_party ? "true" : "false");
    columns[12].add(c.state);
  }
  tx.exec_params(kComponents, report.host, columns[0].text(), columns[1].text(), columns[2].text(), columns[3].text(),
                 columns[4].text(), columns[5].text(), columns[6].text(), columns[7].text(), columns[8].text(),
                 columns[9].text(), columns[10].text(), columns[11].text(), columns[12].text());
}

}  // namespace

Result<> report_plugins(Database& db, const PluginReport& report, bool changed) {
  return transact(db, "report plugins", [&](pqxx::work& tx) -> Result<> {
    if (!report.components.empty()) write_components(tx, report);
    tx.exec_params(kMarkAbsent, changed, report.host);
    tx.exec_params(kHost, report.host, report.generation, report.reload_at, report.reload_ok,
                   without_nul(report.reload_error), report.refusals, report.notes, report.unlocked);
    return {};
  });
}

// A host's clock may be ahead. Times that lie after now() would outlive an operator's enabling, so there are none.
Result<> record_strike(Database& db, const PluginStrike& strike) {
  return transact(db, "record strike", [&](pqxx::work& tx) -> Result<> {
    tx.exec0(kDurable);
    tx.exec_params(
        "INSERT INTO plugin_strikes (uid, component, sha256, library, version, at, offence, customer_id, run_id, text,"
        " reported_by) VALUES ($1::uuid, $2, $3, $4, $5, least(to_timestamp($6::float8), now()), $7, $8, $9, $10, $11)"
        " ON CONFLICT (uid) DO NOTHING",
        strike.uid, without_nul(strike.component), strike.sha256, without_nul(strike.library),
        without_nul(strike.version), strike.at, strike.offence, strike.customer_id, strike.run_id,
        without_nul(strike.text), strike.host);
    tx.exec_params(
        "DELETE FROM plugin_strikes WHERE id IN (SELECT id FROM plugin_strikes WHERE component = $1"
        " ORDER BY at DESC, id DESC OFFSET $2)",
        strike.component, kStrikesKept);
    tx.exec_params("SELECT pg_notify($1, '')", kPluginsChannel);
    return {};
  });
}

Result<std::vector<PluginStrike>> strikes_of(Database& db, const std::string& component, const std::string& sha256) {
  return query(db, "read strikes", [&](pqxx::work& tx) -> Result<std::vector<PluginStrike>> {
    auto rows = rows_of<PluginStrike>(
        tx.exec_params(fmt::format("SELECT {} FROM plugin_strikes s WHERE s.component = $1 AND s.sha256 = $2 AND {}"
                                   " ORDER BY s.at DESC, s.id DESC LIMIT 100",
                                   kStrikeColumns, kSinceEnabled),
                       component, sha256),
        strike_from);
    return std::vector<PluginStrike>(rows.rbegin(), rows.rend());
  });
}

Result<std::vector<PluginStrike>> recent_strikes(Database& db) {
  return query(db, "read strikes", [](pqxx::work& tx) -> Result<std::vector<PluginStrike>> {
    auto rows = rows_of<PluginStrike>(
        tx.exec(fmt::format("SELECT {} FROM plugin_strikes s WHERE s.at > now() - interval '1 day' AND {}"
                            " ORDER BY s.at DESC, s.id DESC LIMIT 5000",
                            kStrikeColumns, kSinceEnabled)),
        strike_from);
    return std::vector<PluginStrike>(rows.rbegin(), rows.rend());
  });
}

Result<bool> open_quarantine(Database& db, const PluginQuarantine& quarantine, const std::string& host) {
  return transact(db, "open quarantine", [&](pqxx::work& tx) -> Result<bool> {
    tx.exec0(kDurable);
    const auto opened = tx.exec_params(
        "INSERT INTO plugin_quarantine (component, sha256, library, version, since, reason, last_strike, opened_by)"
        " SELECT $1::text, $2::text, $3, $4, least(to_timestamp($5::float8), now()), $6,"
        "  (SELECT id FROM plugin_strikes WHERE component = $1::text AND sha256 = $2::text ORDER BY at DESC, id DESC"
        "   LIMIT 1), $7"
        " WHERE NOT EXISTS (SELECT 1 FROM plugin_quarantine WHERE component = $1::text AND sha256 = $2::text"
        "  AND released_at >= least(to_timestamp($5::float8), now()))"
        " ON CONFLICT (component, sha256) WHERE released_at IS NULL DO NOTHING RETURNING id",
        quarantine.component, quarantine.sha256, quarantine.library, quarantine.version, quarantine.since,
        quarantine.reason, host);
    if (opened.empty()) return false;
    tx.exec_params("SELECT pg_notify($1, '')", kPluginsChannel);
    return true;
  });
}

Result<std::vector<PluginQuarantine>> open_quarantines(Database& db) {
  return query(db, "read quarantines", [](pqxx::work& tx) -> Result<std::vector<PluginQuarantine>> {
    return rows_of<PluginQuarantine>(
        tx.exec(fmt::format("SELECT {} FROM plugin_quarantine WHERE released_at IS NULL ORDER BY component, sha256",
                            kQuarantineColumns)),
        quarantine_from);
  });
}

Result<std::vector<PluginQuarantine>> enable_component(Database& db, const std::string& component,
                                                       const std::string& by) {
  return transact(db, "enable component", [&](pqxx::work& tx) -> Result<std::vector<PluginQuarantine>> {
    tx.exec0(kDurable);
    auto ended = rows_of<PluginQuarantine>(
        tx.exec_params(fmt::format("UPDATE plugin_quarantine SET released_at = now(), released_by = $2"
                                   " WHERE component = $1 AND released_at IS NULL RETURNING {}",
                                   kQuarantineColumns),
                       component, by),
        quarantine_from);
    if (!ended.empty()) {
      tx.exec_params("SELECT pg_notify($1, '')", kPluginsChannel);
      return ended;
    }
    std::vector<std::string> others;
    for (const auto& row : tx.exec("SELECT DISTINCT component FROM plugin_quarantine WHERE released_at IS NULL"
                                   " ORDER BY component")) {
      others.push_back(row[0].as<std::string>());
    }
    return fail(Code::not_found,
                fmt::format("component '{}' is not quarantined; {}", component,
                            others.empty() ? "none is" : fmt::format("quarantined: {}", fmt::join(others, ", "))));
  });
}

}  // namespace dunetrace::store
