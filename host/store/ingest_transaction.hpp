// What the writer's transactions are made of, for the files of store/ that write events.
#pragma once

#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <span>

#include "store/ingest_rows.hpp"

namespace dunetrace::store {

// Moves the position of the spool to `to`. When it is beyond `from` already, it stays and is returned: what lies before
// it was written by an earlier attempt.
[[nodiscard]] std::optional<std::uint64_t> written_before(pqxx::work& tx, const SpoolRef& spool, std::uint64_t from,
                                                          std::uint64_t to);

// The rows of events and runs, and the notification.
void store_slices(pqxx::work& tx, std::span<const BatchSlice> slices);

// Code::invalid_argument for the SQLSTATE classes in which a value is at fault (data exception, integrity violation,
// program limit exceeded); what may work later otherwise.
[[nodiscard]] Error sorted_write_error(Error error);

}  // namespace dunetrace::store
