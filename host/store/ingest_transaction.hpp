// What the writer's transactions are made of, for the files of store/ that write events.
#pragma once

#include <cstdint>
#include <functional>
#include <pqxx/pqxx>
#include <span>

#include "store/ingest_rows.hpp"

namespace dunetrace::store {

// A transaction that moves the position of the spool to `to`, which is returned, and then stores what lies before it.
// When the position is beyond `from` already, it is returned, and nothing is stored. Code::invalid_argument when a
// value that is to be stored is at fault: what the position meets is nobody's value and may work later.
[[nodiscard]] Result<std::uint64_t> store_at_position(Database& db, std::string_view what, const SpoolRef& spool,
                                                      std::uint64_t from, std::uint64_t to,
                                                      const std::function<void(pqxx::work&)>& store);

// The rows of events and runs, and the notification.
void store_slices(pqxx::work& tx, std::span<const BatchSlice> slices);

// Code::invalid_argument for the SQLSTATE classes in which a value is at fault (data exception, integrity violation,
// program limit exceeded); what may work later otherwise.
[[nodiscard]] Error sorted_write_error(Error error);

}  // namespace dunetrace::store
