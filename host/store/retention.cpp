#include "store/retention.hpp"

#include "store/session.hpp"

namespace dunetrace::store {
namespace {

constexpr std::string_view kLockNotAvailable = "55P03";

// A limit counts in hours: in a time zone with summer time a day may have 23.
constexpr auto kPartitions = R"(
  SELECT p.name, to_char(p.starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), extract(epoch FROM p.starts_at)::float8,
         extract(epoch FROM p.ends_at)::float8, p.row_estimate, p.bytes, p.has_events,
         $1 > 0 AND p.ends_at <= now() - $1 * interval '24 hours' AS past,
         CASE WHEN p.has_events AND p.ends_at <= now() - $1 * interval '24 hours'
                AND p.ends_at > now() - 2 * $1 * interval '24 hours' THEN
           (SELECT count(*) FROM runs WHERE outcome IS NOT NULL AND judged_events < event_count
              AND first_received_at < p.ends_at AND last_received_at >= p.starts_at)
           + (SELECT count(*) FROM runs WHERE outcome IS NULL AND judged_events < event_count
                AND first_received_at < p.ends_at AND last_received_at >= p.starts_at)
         ELSE 0 END
  FROM event_partitions() p ORDER BY p.ends_at)";

// Hosts look every minute, so hours without a look are a jump, or machines that slept. After one to the past the next
// to the future puts the clock right, and what was stored in between looks older than it is by all of it.
// Hosts that are off every night never see the end of a doubt, so hours without a look do not begin the next one at
// once; but then a second leap must not pass for a night: what it may cost is a day or a quarter of the limit.
constexpr auto kLook = R"(
  INSERT INTO event_retention AS r (seen_at, days) VALUES (now(), $1)
  ON CONFLICT (only_row) DO UPDATE SET seen_at = now(), days = excluded.days,
    doubt_until =
      CASE WHEN now() < r.seen_at - interval '1 hour' OR (r.went_back AND now() > r.seen_at + interval '6 hours')
             THEN now() + excluded.days * interval '24 hours'
           WHEN r.doubt_until > now() THEN r.doubt_until
           WHEN now() > r.seen_at + CASE WHEN r.doubt_until IS NULL THEN interval '6 hours'
                                         ELSE greatest(interval '24 hours', excluded.days * interval '6 hours') END
             THEN now() + interval '24 hours' END,
    went_back =
      CASE WHEN now() < r.seen_at - interval '1 hour' THEN true
           WHEN now() > r.seen_at + interval '6 hours' THEN false
           ELSE coalesce(r.went_back AND r.doubt_until > now(), false) END
  RETURNING doubt_until IS NOT NULL)";

void set_patience(pqxx::work& tx, std::chrono::milliseconds patience) {
  tx.exec_params("SELECT set_config('lock_timeout', $1, true)", std::to_string(patience.count()) + "ms");
}

EventPartition::State state_of(bool past, std::int64_t unjudged) {
  if (!past) return EventPartition::State::kept;
  return unjudged > 0 ? EventPartition::State::unjudged : EventPartition::State::due;
}

}  // namespace

Result<std::vector<EventPartition>> list_event_partitions(Database& db, int days) {
  return query(db, "list the partitions of events", [&](pqxx::work& tx) -> Result<std::vector<EventPartition>> {
    std::vector<EventPartition> out;
    for (const auto& row : tx.exec_params(kPartitions, days)) {
      EventPartition& part = out.emplace_back();
      part.name = row[0].as<std::string>();
      part.day = row[1].as<std::string>("");
      part.starts_at = row[2].as<double>(0.0);
      part.ends_at = row[3].as<double>();
      part.rows = row[4].as<std::int64_t>(0);
      part.bytes = row[5].as<std::int64_t>(0);
      part.has_events = row[6].as<bool>();
      part.unjudged = row[8].as<std::int64_t>();
      part.state = state_of(row[7].as<bool>(), part.unjudged);
    }
    return out;
  });
}

Result<Dropped> drop_event_partition(Database& db, const std::string& name, int days,
                                     std::chrono::milliseconds patience) {
  DUNE_CHECK(days >= 1, "a limit of no days would drop the present partition");
  auto dropped = transact(db, "drop partition " + name, [&](pqxx::work& tx) -> Result<Dropped> {
    if (!tx.exec1("SELECT pg_try_advisory_xact_lock(hashtext('dunetrace.retention'))")[0].as<bool>())
      return Dropped::busy;
    set_patience(tx, patience);
    const auto row = tx.exec_params1("SELECT drop_event_partition($1, now() - $2 * interval '24 hours')", name, days);
    return row[0].as<bool>() ? Dropped::dropped : Dropped::gone;
  });
  if (!dropped && sqlstate_of(dropped.error()) == kLockNotAvailable) return Dropped::busy;
  return dropped;
}

Result<> ensure_event_partitions(Database& db, int days_ahead) {
  return transact(db, "make event partitions", [&](pqxx::work& tx) -> Result<> {
    set_patience(tx, kLockPatience);
    tx.exec_params("SELECT ensure_event_partitions($1)", days_ahead);
    return {};
  });
}

Result<bool> partitions_wanting(Database& db) {
  return query(db, "look at the partitions of events", [](pqxx::work& tx) -> Result<bool> {
    return tx
        .exec1(
            "SELECT EXISTS (SELECT 1 FROM events_default) OR NOT EXISTS (SELECT 1 FROM event_partition_bounds() b"
            " WHERE b.starts_at <= now() + interval '24 hours' AND b.ends_at > now() + interval '24 hours')")[0]
        .as<bool>();
  });
}

Result<Placed> place_stray_events(Database& db, std::int64_t most) {
  return transact(db, "give stray events a partition", [&](pqxx::work& tx) -> Result<Placed> {
    set_patience(tx, kLockPatience);
    Placed placed;
    placed.moved = tx.exec_params1("SELECT place_stray_events($1)", most)[0].as<std::int64_t>();
    placed.left = tx.exec1("SELECT count(*) FROM events_default")[0].as<std::int64_t>();
    return placed;
  });
}

Result<bool> note_retention_look(Database& db, int days) {
  return transact(db, "note the look of retention",
                  [&](pqxx::work& tx) -> Result<bool> { return tx.exec_params1(kLook, days)[0].as<bool>(); });
}

Result<std::optional<RetentionLook>> last_retention_look(Database& db) {
  using Last = std::optional<RetentionLook>;
  return query(db, "read the last look of retention", [](pqxx::work& tx) -> Result<Last> {
    const auto rows = tx.exec(
        "SELECT extract(epoch FROM seen_at)::float8, days, extract(epoch FROM doubt_until)::float8"
        " FROM event_retention");
    if (rows.empty()) return Last();
    RetentionLook look{rows[0][0].as<double>(), rows[0][1].as<int>(), {}};
    if (!rows[0][2].is_null()) look.doubt_until = rows[0][2].as<double>();
    return Last(look);
  });
}

}  // namespace dunetrace::store
