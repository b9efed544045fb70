#include "spool/sound_rows.hpp"

#include <iterator>
#include <map>

#include "spool/record.hpp"

namespace dunetrace::spool {
namespace {

using Take = std::function<Result<>(const Row&, std::string_view)>;

// The positions that were met. Batches follow each other, so these are few stretches of many.
class Stretches {
 public:
  // False when a part of them was there already.
  bool add(std::uint64_t begin, std::uint64_t end) {
    auto after = ends_.lower_bound(begin);
    if (after != ends_.end() && after->first < end) return false;
    if (after != ends_.begin() && std::prev(after)->second > begin) return false;
    if (after != ends_.end() && after->first == end) {
      end = after->second;
      after = ends_.erase(after);
    }
    if (after != ends_.begin() && std::prev(after)->second == begin) {
      std::prev(after)->second = end;
    } else {
      ends_.emplace_hint(after, begin, end);
    }
    return true;
  }
  [[nodiscard]] std::uint64_t end() const { return ends_.empty() ? 0 : ends_.rbegin()->second; }

 private:
  std::map<std::uint64_t, std::uint64_t> ends_;  // by beginning
};

class RowReader {
 public:
  RowReader(Connection& connection, const Take& take, const std::function<void(std::string)>& problem)
      : connection_(connection), take_(take), problem_(problem) {}

  Result<> run() {
    const auto front = walk("ASC", 0);
    if (front) return {};
    const auto from = seen_.end();
    const auto last = from == 0 ? std::string() : " from position " + std::to_string(from);
    DUNE_TRY_VOID(damage("table batches" + last, front));
    // Where the way from the front ends at damage, the way from the back finds what lies behind it.
    const auto back = walk("DESC", from);
    return back ? back : damage("from the end", back);
  }

 private:
  Result<> damage(const std::string& where, const Result<>& result) {
    if (refused_ || result.error().code != Code::invalid_argument) return result;
    problem_(where + ": " + result.error().text);
    return {};
  }

  Result<> walk(const std::string& direction, std::uint64_t from) {
    DUNE_TRY(statement, connection_.prepare("SELECT position, events, accepted_at, checksum, record FROM batches "
                                            "WHERE position >= ? ORDER BY position " +
                                            direction));
    statement.bind(1, static_cast<std::int64_t>(from));
    while (true) {
      DUNE_TRY(there, statement.step());
      if (!there) return {};
      const auto record = statement.bytes(4);
      const Row row{static_cast<std::uint64_t>(statement.integer(0)), record.size(), statement.real(2),
                    static_cast<std::uint32_t>(statement.integer(1))};
      const auto sum = static_cast<std::uint64_t>(statement.integer(3));
      if (const auto sound = look(row, sum, record); !sound) {
        problem_("batch at position " + std::to_string(row.position) + ": " + sound.error().text);
      } else if (seen_.add(row.position, row.end())) {  // two damaged pages may lead to the same one
        auto taken = take_(row, record);
        refused_ = !taken;
        if (refused_) return taken;
      }
    }
  }

  static Result<> look(const Row& row, std::uint64_t sum, std::string_view record) {
    if (!is_sound(record, row.position, sum))
      return fail(Code::invalid_argument, "its bytes are not those that were written");
    DUNE_TRY(batch, from_record(std::string(record)));
    if (batch.events.size() != row.events) return fail(Code::invalid_argument, "another number of events is in it");
    return {};
  }

  Connection& connection_;
  const Take& take_;
  const std::function<void(std::string)>& problem_;
  Stretches seen_;
  bool refused_ = false;
};

}  // namespace

Result<> read_sound_rows(Connection& connection, const Take& take, const std::function<void(std::string)>& problem) {
  return RowReader(connection, take, problem).run();
}

}  // namespace dunetrace::spool
