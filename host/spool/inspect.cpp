// Reading a spool file that may be damaged, for the start of the host and for `dunetrace spool verify`.
#include <algorithm>

#include "spool/record.hpp"
#include "spool/spool_file.hpp"

namespace dunetrace::spool {
namespace {

constexpr std::size_t kMostProblems = 20;  // more say nothing new

class Inspector {
 public:
  Inspector(Connection& connection, Inspection& out) : connection_(connection), out_(out) {}

  // The error is one of reading, which says nothing about the file.
  Result<> run() {
    note("check", check());
    note("file", connection_.read_in_spite_of_damage());
    note("table meta", read_meta());
    // Where the way from the front ends at damage, the way from the back finds what lies behind it.
    if (const auto front = walk("ASC", 0); !front) {
      note(after_last(), front);
      const auto known = out_.rows.size();
      const auto from = out_.rows.empty() ? 0 : out_.rows.back().end();
      if (const auto back = walk("DESC", from); !back) note("from the end", back);
      std::reverse(out_.rows.begin() + static_cast<std::ptrdiff_t>(known), out_.rows.end());
    }
    if (!out_.rows.empty()) out_.next = std::max(out_.next, out_.rows.back().end());
    return unreadable_;
  }

 private:
  void problem(std::string text) {
    if (out_.problems.size() < kMostProblems) out_.problems.push_back(std::move(text));
  }
  void note(const std::string& where, const Result<>& result) {
    if (result) return;
    if (result.error().code != Code::invalid_argument) unreadable_ = result;
    problem(where + ": " + result.error().text);
  }
  [[nodiscard]] std::string after_last() const {
    return out_.rows.empty() ? "table batches"
                             : "table batches behind position " + std::to_string(out_.rows.back().position);
  }

  Result<> check() {
    DUNE_TRY(statement, connection_.prepare("PRAGMA integrity_check(10)"));
    while (true) {
      DUNE_TRY(row, statement.step());
      if (!row) return {};
      if (const auto text = statement.bytes(0); text != "ok") problem(std::string(text));
    }
  }

  Result<> read_meta() {
    DUNE_TRY(statement, connection_.prepare("SELECT name, value FROM meta"));
    while (true) {
      DUNE_TRY(row, statement.step());
      if (!row) break;
      const std::string name(statement.bytes(0));
      if (name == "id") out_.id = statement.bytes(1);
      if (name == "next") out_.next = static_cast<std::uint64_t>(statement.integer(1));
    }
    return out_.id.empty() ? fail(Code::invalid_argument, "the spool's id is missing") : Result<>{};
  }

  Result<> walk(const std::string& direction, std::uint64_t from) {
    DUNE_TRY(statement, connection_.prepare("SELECT position, events, accepted_at, checksum, record FROM batches "
                                            "WHERE position >= ? ORDER BY position " +
                                            direction));
    statement.bind(1, static_cast<std::int64_t>(from));
    while (true) {
      DUNE_TRY(row, statement.step());
      if (!row) return {};
      const auto record = statement.bytes(4);
      const Row found{static_cast<std::uint64_t>(statement.integer(0)), record.size(), statement.real(2),
                      static_cast<std::uint32_t>(statement.integer(1))};
      const auto sum = static_cast<std::uint64_t>(statement.integer(3));
      if (auto sound = look(found, sum, record)) {
        out_.rows.push_back(found);
      } else {
        problem("batch at position " + std::to_string(found.position) + ": " + sound.error().text);
      }
    }
  }

  static Result<> look(const Row& row, std::uint64_t sum, std::string_view record) {
    if (checksum(record) != sum) return fail(Code::invalid_argument, "its bytes are not those that were written");
    DUNE_TRY(batch, from_record(std::string(record)));
    if (batch.events.size() != row.events) return fail(Code::invalid_argument, "another number of events is in it");
    return {};
  }

  Connection& connection_;
  Inspection& out_;
  Result<> unreadable_;
};

// A file whose making was cut short has no table yet.
bool is_empty(Connection& connection) {
  const auto tables = connection.integer("SELECT count(*) FROM sqlite_master");
  return tables && *tables == 0;
}

}  // namespace

Result<Inspection> inspect(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return fail(Code::not_found, path.string() + ": there is no spool here");
  Inspection out;
  auto connection = Connection::open(path, Connection::Mode::read_only);
  if (!connection) return tl::unexpected(std::move(connection.error()).in(path.string()));
  if (is_empty(*connection)) return fail(Code::not_found, path.string() + ": there is no spool here yet");
  const auto read = Inspector(*connection, out).run();
  if (!read) return fail(read.error().code, path.string() + ": " + read.error().text);
  return out;
}

namespace {

Result<Overview> read_overview(Connection& connection) {
  Overview out;
  DUNE_TRY(meta, connection.prepare("SELECT (SELECT value FROM meta WHERE name = 'id'), "
                                    "(SELECT value FROM meta WHERE name = 'next')"));
  DUNE_TRY(known, meta.step());
  if (known) {
    out.id = meta.bytes(0);
    out.next = static_cast<std::uint64_t>(meta.integer(1));
  }
  DUNE_TRY(sums, connection.prepare("SELECT count(*), sum(events), sum(length(record)), min(position) FROM batches"));
  DUNE_TRY(summed, sums.step());
  if (!summed || sums.integer(0) == 0) return out;
  out.batches = static_cast<std::uint64_t>(sums.integer(0));
  out.events = static_cast<std::uint64_t>(sums.integer(1));
  out.bytes = static_cast<std::uint64_t>(sums.integer(2));
  out.oldest_position = static_cast<std::uint64_t>(sums.integer(3));
  DUNE_TRY(oldest, connection.prepare("SELECT accepted_at FROM batches WHERE position = ?"));
  oldest.bind(1, static_cast<std::int64_t>(out.oldest_position));
  DUNE_TRY(there, oldest.step());
  if (there) out.oldest_accepted_at = oldest.real(0);
  return out;
}

}  // namespace

Result<Overview> overview(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return fail(Code::not_found, path.string() + ": there is no spool here");
  auto connection = Connection::open(path, Connection::Mode::read_only);
  if (!connection) return tl::unexpected(std::move(connection.error()).in(path.string()));
  if (is_empty(*connection)) return fail(Code::not_found, path.string() + ": there is no spool here yet");
  auto found = read_overview(*connection);
  if (!found) return fail(found.error().code, path.string() + ": " + found.error().text);
  return found;
}

}  // namespace dunetrace::spool
