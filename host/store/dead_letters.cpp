#include "store/dead_letters.hpp"

#include "store/ingest_transaction.hpp"
#include "store/session.hpp"

namespace dunetrace::store {
namespace {

Error no_such_letter(std::int64_t id) {
  return {Code::not_found, "there is no dead letter " + std::to_string(id) + " (see dunetrace dead-letters list)"};
}

std::optional<std::string> optional_text(std::string_view text) {
  return text.data() == nullptr ? std::nullopt : std::optional(std::string(text));
}

// A letter as the batch of one event that it was; the texts are the row's.
AcceptedBatch batch_of(const pqxx::row& row) {
  struct Storage {
    std::vector<std::string> texts;
  };
  auto storage = std::make_shared<Storage>();
  storage->texts.reserve(static_cast<std::size_t>(row.size()));
  const auto text = [&](const char* column) -> std::string_view {
    if (row[column].is_null()) return {};
    return storage->texts.emplace_back(row[column].c_str(), row[column].size());
  };
  AcceptedBatch batch;
  batch.batch_id = row["batch_id"].as<std::string>();
  batch.customer_id = row["customer_id"].as<std::string>();
  AcceptedEvent event;
  event.kind = event_kind(text("event_type"));
  event.step_index = row["step_index"].as<std::int32_t>();
  event.timestamp = row["timestamp"].as<double>();
  event.run_id = text("run_id");
  event.agent_id = text("agent_id");
  event.agent_version = text("agent_version");
  event.parent_run_id = text("parent_run_id");
  event.model = text("model");
  event.prompt_tokens = row["prompt_tokens"].as<std::int64_t>();
  event.completion_tokens = row["completion_tokens"].as<std::int64_t>();
  const pqxx::binarystring payload(row["payload"]);
  event.payload = storage->texts.emplace_back(payload.get(), payload.size());
  batch.events.push_back(event);
  batch.storage = std::move(storage);
  return batch;
}

DeadLetter letter_of(const pqxx::row& row) {
  DeadLetter letter;
  letter.id = row["id"].as<std::int64_t>();
  letter.customer_id = row["customer_id"].as<std::string>();
  letter.event_type = row["event_type"].as<std::string>();
  letter.run_id = row["run_id"].as<std::string>();
  letter.agent_id = row["agent_id"].as<std::string>();
  letter.reason = row["reason"].as<std::string>();
  letter.step_index = row["step_index"].as<std::int32_t>();
  letter.attempts = row["attempts"].as<int>();
  letter.failed_at = row["failed"].as<double>();
  letter.batch_id = row["batch_id"].as<std::string>();
  letter.agent_version = row["agent_version"].as<std::string>();
  letter.timestamp = row["timestamp"].as<double>();
  const pqxx::binarystring payload(row["payload"]);
  letter.payload.assign(payload.get(), payload.get() + payload.size());
  if (!row["parent_run_id"].is_null()) letter.parent_run_id = row["parent_run_id"].as<std::string>();
  return letter;
}

}  // namespace

Result<std::uint64_t> write_dead_letter(Database& db, const SpoolRef& spool, const BatchSlice& slice,
                                        const std::string& reason) {
  const auto& batch = *slice.batch;
  const auto& event = batch.events[slice.from];
  return store_at_position(db, "write dead letter", spool, slice.begin(), slice.end(), [&](pqxx::work& tx) {
    tx.exec_params(
        "INSERT INTO dead_letters (customer_id, batch_id, event_type, run_id, agent_id, agent_version, step_index, "
        "\"timestamp\", payload, parent_run_id, model, prompt_tokens, completion_tokens, reason) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        batch.customer_id, batch.batch_id, std::string(wire_name(event.kind)), std::string(event.run_id),
        std::string(event.agent_id), std::string(event.agent_version), event.step_index, event.timestamp,
        pqxx::binarystring(event.payload.data(), event.payload.size()), optional_text(event.parent_run_id),
        optional_text(event.model), event.prompt_tokens, event.completion_tokens, reason);
  });
}

Result<std::vector<DeadLetter>> list_dead_letters(Database& db, std::int64_t after, int limit,
                                                  const DeadLetterFilter& filter) {
  return query(db, "list dead letters", [&](pqxx::work& tx) -> Result<std::vector<DeadLetter>> {
    const auto rows = tx.exec_params(
        "SELECT *, extract(epoch FROM failed_at)::float8 AS failed FROM dead_letters WHERE id > $1 "
        "AND ($3::text IS NULL OR customer_id = $3) AND ($4::text IS NULL OR run_id = $4) ORDER BY id LIMIT $2",
        after, limit, filter.customer_id, filter.run_id);
    std::vector<DeadLetter> letters;
    for (const auto& row : rows) letters.push_back(letter_of(row));
    return letters;
  });
}

Result<std::int64_t> count_dead_letters(Database& db, std::int64_t most) {
  return query(db, "count dead letters", [&](pqxx::work& tx) -> Result<std::int64_t> {
    const auto rows = tx.exec_params("SELECT count(*) FROM (SELECT 1 FROM dead_letters LIMIT $1) AS counted", most);
    return rows.at(0).at(0).as<std::int64_t>();
  });
}

Result<> retry_dead_letter(Database& db, std::int64_t id) {
  auto stored = transact(db, "retry dead letter", [&](pqxx::work& tx) -> Result<> {
    const auto rows = tx.exec_params("DELETE FROM dead_letters WHERE id = $1 RETURNING *", id);
    if (rows.empty()) return tl::unexpected(no_such_letter(id));
    const auto batch = batch_of(rows[0]);
    const BatchSlice slice{&batch, 0, 1, 0};
    store_slices(tx, {&slice, 1});
    return {};
  });
  if (stored || stored.error().code == Code::not_found) return stored;
  auto error = sorted_write_error(std::move(stored).error());
  if (error.code == Code::invalid_argument) {
    DUNE_TRY_VOID(transact(db, "note dead letter", [&](pqxx::work& tx) -> Result<> {
      tx.exec_params("UPDATE dead_letters SET reason = $2, attempts = attempts + 1, failed_at = now() WHERE id = $1",
                     id, error.text);
      return {};
    }));
  }
  return tl::unexpected(std::move(error));
}

Result<> drop_dead_letter(Database& db, std::int64_t id) {
  return transact(db, "drop dead letter", [&](pqxx::work& tx) -> Result<> {
    if (tx.exec_params("DELETE FROM dead_letters WHERE id = $1", id).affected_rows() == 0) {
      return tl::unexpected(no_such_letter(id));
    }
    return {};
  });
}

}  // namespace dunetrace::store
