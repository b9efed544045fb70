// A spool file with a dozen batches that is damaged as the input says and then opened. It opens; what comes out was put
// in; a batch is only missing when something was reported (but for the end of the log, which a crash may take); and
// when only bytes of records were hit, only those batches are missing. Opened once more it is sound, has the same id
// and only gives away new positions.
#include <filesystem>
#include <map>
#include <vector>

#include "fuzz.hpp"
#include "spool/mend.hpp"
#include "spool/record.hpp"
#include "testing/temp_dir.hpp"

namespace dunetrace::fuzz {
namespace {

namespace fs = std::filesystem;
using namespace spool;

constexpr std::uint64_t kBatches = 12;
constexpr std::uint64_t kEvents = 3;  // per batch

struct Span {
  std::size_t begin = 0, end = 0;  // of a record's bytes in the main file
};

// A spool as a host leaves it: with everything in the main file, or with the latest batches in the log beside it.
struct Original {
  std::string database, log, id, kept;
  std::map<std::uint64_t, std::string> records;  // by position
  std::map<std::uint64_t, Span> places;
  std::uint64_t next = 0;
};

std::string make_record(std::uint64_t number) {
  AcceptedBatch batch;
  const auto name = "batch-" + std::to_string(number);
  const auto payload = "{\"text\":\"" + std::string(100 + 40 * number, static_cast<char>('a' + number)) + "\"}";
  batch.batch_id = name;
  batch.customer_id = "customer";
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    AcceptedEvent event;
    event.kind = EventKind::tool_called;
    event.step_index = static_cast<std::int32_t>(i);
    event.run_id = name;
    event.agent_id = "agent";
    event.agent_version = "v1";
    event.payload = payload;
    batch.events.push_back(event);
  }
  return to_record(batch);
}

void must(const Result<>& done) { DUNE_HOLDS(done.has_value(), done.error().text); }

Original make(const fs::path& path, bool with_log) {
  Original out;
  fs::create_directories(path.parent_path());
  telemetry::Logger log(telemetry::Level::error, "/dev/null");
  {
    auto opened = open_or_mend(path, log);
    DUNE_HOLDS(opened.has_value(), opened.error().text);
    auto& file = opened->file;
    out.next = opened->content.next;
    out.id = opened->content.id;
    out.kept = testing::read_file(fs::path(path).replace_extension(".id"));
    for (std::uint64_t i = 0; i < kBatches; ++i) {
      const auto record = make_record(i);
      must(file.transaction([&]() -> Result<> {
        const Row row{out.next, record.size(), 1'767'225'600, kEvents};
        DUNE_TRY_VOID(file.insert(row, record));
        return file.insert(FirstAnswer{"key" + std::to_string(i), "batch", kEvents, 1'767'225'600});
      }));
      out.records[out.next] = record;
      out.next += kEvents;
      if (i == kBatches / 2) must(file.checkpoint());
    }
    if (!with_log) must(file.checkpoint());
    out.database = testing::read_file(path);
    if (with_log) out.log = testing::read_file(path.string() + "-wal");
  }
  for (const auto& [position, record] : out.records) {
    const auto at = out.database.find(record);
    if (at != std::string::npos) out.places[position] = {at, at + record.size()};
  }
  DUNE_HOLDS(with_log || out.places.size() == kBatches, "a record is not in one piece");
  return out;
}

// Memory rather than disk where there is some: a commit need not wait for a platter here.
class Place {
 public:
  Place() {
    if (fs::is_directory("/dev/shm")) ::setenv("TMPDIR", "/dev/shm", 0);
    dir_ = new testing::TempDir();
    std::atexit([] { delete std::exchange(dir_, nullptr); });
    originals_[0] = make(dir_->path() / "a/ingest.db", false);
    originals_[1] = make(dir_->path() / "b/ingest.db", true);
  }
  [[nodiscard]] const Original& original(bool with_log) const { return originals_[with_log ? 1 : 0]; }
  [[nodiscard]] fs::path fresh() const {
    const auto folder = dir_->path() / "spool";
    fs::remove_all(folder);
    fs::create_directories(folder);
    return folder / "ingest.db";
  }

 private:
  static inline testing::TempDir* dir_ = nullptr;
  Original originals_[2];
};

struct Damage {
  std::string database, log;
  std::map<std::uint64_t, bool> hit;  // positions whose record was changed
  bool elsewhere = false;             // something else was
  int log_hits = 0;                   // bytes of the log behind its header
  bool log_cut = false;
};

void hit(Damage& damage, const Original& original, std::size_t at, char mask) {
  if (mask == 0) return;
  damage.database[at] = static_cast<char>(damage.database[at] ^ mask);
  for (const auto& [position, place] : original.places) {
    if (at < place.begin || at >= place.end) continue;
    damage.hit[position] = true;
    return;
  }
  damage.elsewhere = true;
}

Damage damaged(const Original& original, Choices& choices) {
  Damage out{original.database, original.log, {}, false, 0, false};
  for (int i = 0; i < 8 && !choices.empty(); ++i) {
    const auto how = choices.below(4);
    const std::size_t at = choices.number<std::uint32_t>();
    const auto value = choices.byte();
    if (how == 3 && !out.log.empty()) {
      const auto place = at % out.log.size();
      out.log[place] = static_cast<char>(value);
      if (value < 8) out.log.resize(place);
      out.log_cut = out.log_cut || value < 8 || place < 32;
      ++out.log_hits;
      out.elsewhere = true;
    } else if (how == 2 && value < 32) {  // the file ends early
      out.database.resize(at % out.database.size());
      out.elsewhere = true;
      if (out.database.empty()) return out;
    } else {
      const std::size_t begin = at % out.database.size();
      const std::size_t end = std::min(out.database.size(), begin + (how == 0 ? 1 : value));
      for (auto k = begin; k < end; ++k) hit(out, original, k, static_cast<char>(how == 0 ? value : 0x5A));
    }
  }
  return out;
}

void write_all(const fs::path& path, const Original& original, const Damage& damage) {
  testing::write_file(path, damage.database);
  if (!damage.log.empty()) testing::write_file(path.string() + "-wal", damage.log);
  testing::write_file(fs::path(path).replace_extension(".id"), original.kept);
}

bool set_aside(const fs::path& path) {
  for (const auto& entry : fs::directory_iterator(path.parent_path())) {
    if (entry.path().string().find(".damaged-") != std::string::npos) return true;
  }
  return false;
}

std::map<std::uint64_t, std::string> read_all(const fs::path& path) {
  std::map<std::uint64_t, std::string> found;
  auto file = SpoolFile::open_for_reading(path);
  DUNE_HOLDS(file.has_value(), file.error().text);
  const auto read = file->read(
      0, std::uint64_t{1} << 62,
      [&](std::uint64_t position, const AcceptedBatch& batch) {
        found[position] = to_record(batch);
        return true;
      },
      [](const std::string& problem) { DUNE_HOLDS(false, problem); });
  DUNE_HOLDS(read.has_value(), read.error().text);
  return found;
}

}  // namespace

void run(std::string_view input) {
  static const Place place;
  static telemetry::Logger log(telemetry::Level::error, "/dev/null");
  Choices choices(input);
  const auto kind = choices.byte();
  const bool with_log = (kind & 1U) != 0, lose_it = (kind & 2U) != 0;
  const auto& original = place.original(with_log);
  const auto damage = damaged(original, choices);
  const auto path = place.fresh();
  write_all(path, original, damage);

  std::uint64_t next = 0;
  {
    const auto opened = open_or_mend(path, log);
    // A number where the version stands is another version until somebody has looked at it.
    if (!opened && opened.error().text.find("the file has format") != std::string::npos) return;
    DUNE_HOLDS(opened.has_value(), opened.error().text);
    DUNE_HOLDS(opened->content.problems.empty(), "mended and damaged");
    next = opened->content.next;
  }
  const auto found = read_all(path);
  for (const auto& [position, record] : found) {
    const auto known = original.records.find(position);
    DUNE_HOLDS(known != original.records.end() && known->second == record, "a batch that nobody put in");
  }
  const bool reported = set_aside(path);
  std::size_t lost = 0;
  for (const auto& [position, record] : original.records) {
    if (found.contains(position)) continue;
    ++lost;
    DUNE_HOLDS(reported || (with_log && damage.elsewhere), "a batch is lost and nothing was said");
    DUNE_HOLDS(damage.elsewhere || damage.hit.contains(position), "a batch is lost that was not hit");
  }
  // The last transaction of the log may look as if it had never been finished, but not more than that.
  if (damage.log_hits == 1 && !damage.log_cut && !reported) DUNE_HOLDS(lost <= 2, "the log lost batches silently");
  auto again = open_or_mend(path, log);
  DUNE_HOLDS(again && again->content.problems.empty() && again->content.next > next, "the second start");
  DUNE_HOLDS(again->content.rows.size() == found.size(), "the second start lost a batch");
  if (reported) DUNE_HOLDS(next > original.next, "positions would be given away twice");
  DUNE_HOLDS(again->content.id == original.id, "another id");
  if (!lose_it) return;
  // The disk takes all of it, and not for the first time.
  next = again->content.next;
  again = fail(Code::internal, "closed");
  for (const auto& file : files_of(path)) fs::remove(file);
  testing::write_file(path, std::string(8'192, 'x'));
  const auto last = open_or_mend(path, log);
  DUNE_HOLDS(last && last->content.id == original.id && last->content.next > next, "the third start");
}

}  // namespace dunetrace::fuzz
