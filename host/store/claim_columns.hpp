// Claimed runs as columns of statements, and the rows that come back. Internal to store/: it shows libpqxx.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/session.hpp"
#include "store/sql_array.hpp"
#include "store/work_queue.hpp"

namespace dunetrace::store {

inline std::string_view text(const pqxx::field& field) { return {field.c_str(), field.size()}; }

template <class T>
T number(const pqxx::field& field) {
  T value{};
  std::from_chars(field.c_str(), field.c_str() + field.size(), value);
  return value;
}

// An array; nothing for NULL.
inline std::vector<std::string> texts(const pqxx::field& field) {
  std::vector<std::string> values;
  if (field.is_null()) return values;
  auto parser = field.as_array();
  for (auto next = parser.get_next(); next.first != pqxx::array_parser::juncture::done; next = parser.get_next())
    if (next.first == pqxx::array_parser::juncture::string_value) values.push_back(std::move(next.second));
  return values;
}

// Columns of an INSERT … SELECT FROM unnest(…).
template <std::size_t N>
using Columns = std::array<SqlArray, N>;

template <std::size_t N, std::size_t... I>
pqxx::result run(pqxx::work& tx, const char* sql, const Columns<N>& columns, std::index_sequence<I...>) {
  return tx.exec_params(sql, columns[I].text()...);
}

template <std::size_t N>
pqxx::result run(pqxx::work& tx, const char* sql, const Columns<N>& columns) {
  return run(tx, sql, columns, std::make_index_sequence<N>());
}

using Key = std::pair<std::string_view, std::string_view>;  // customer, run

inline Key key_of(const ClaimedRun& run) { return {run.customer_id, run.run_id}; }

// Where each run stands in a batch, sorted by key as in the ingest writer (ingest_rows.cpp): whoever changes several
// rows of `runs` names them in one order. Where the planner locks them in another, a deadlock is possible, and
// transact() begins the loser's transaction again.
using Places = std::map<Key, std::size_t>;

inline Places places_of(const std::vector<ClaimedRun>& runs) {
  Places places;
  for (std::size_t i = 0; i < runs.size(); ++i) places.emplace(key_of(runs[i]), i);
  return places;
}

inline Columns<3> claims_of(const std::vector<ClaimedRun>& runs, const Places& places) {
  Columns<3> claims;
  for (const auto& [key, place] : places) {
    claims[0].add(key.first);
    claims[1].add(key.second);
    claims[2].add(runs[place].claim);
  }
  return claims;
}

// The places of the runs that a statement returned, ascending.
inline std::vector<std::size_t> found_in(const pqxx::result& rows, const Places& places) {
  std::vector<std::size_t> found;
  for (const auto& row : rows) found.push_back(places.at({text(row[0]), text(row[1])}));
  std::ranges::sort(found);
  return found;
}

}  // namespace dunetrace::store
