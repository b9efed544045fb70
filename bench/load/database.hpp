// What the load asks of the database, straight through libpq: the bare COPY that ingest is measured against, how far
// the host's writer has come, and what is stored in the end. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "load/shapes.hpp"

struct pg_conn;

namespace dunetrace::load {

class Database {
 public:
  [[nodiscard]] static Result<Database> open(const std::string& url);

  // Groups of rows, each a transaction of its own, until `seconds` have passed. Making the rows is not timed: what
  // counts is how fast the server takes them.
  struct CopyOptions {
    std::size_t group_rows = 5'000;
    double seconds = 5;
    double rows_per_s = 0;  // at most; 0: as fast as it goes
  };
  struct Copied {
    std::uint64_t rows = 0;
    double seconds = 0;  // of COPY and COMMIT
  };
  [[nodiscard]] Result<Copied> copy(std::vector<Batch>& batches, std::uint32_t first_lap, const CopyOptions& options);

  // The sum of all spools' positions: grows by the events that became visible.
  [[nodiscard]] Result<std::uint64_t> position();
  // Events by batch, of rows that came through a host.
  [[nodiscard]] Result<std::unordered_map<std::string, std::uint64_t>> stored_batches();

 private:
  explicit Database(pg_conn* connection);
  [[nodiscard]] Result<> put(const std::string& rows);
  [[nodiscard]] Error error(const char* what) const;

  struct Close {
    void operator()(pg_conn* connection) const;
  };
  std::unique_ptr<pg_conn, Close> connection_;
};

}  // namespace dunetrace::load
