#include "spool/mend.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <optional>

namespace dunetrace::spool {
namespace {

namespace fs = std::filesystem;

// A file that lost its end does not know the positions it gave away. No file holds as many events as these leaps are
// wide, and 63 bits have room for millions of them.
constexpr std::uint64_t kStartLeap = std::uint64_t{1} << 32;
constexpr std::uint64_t kDamageLeap = std::uint64_t{1} << 40;

fs::path id_file(const fs::path& path) { return fs::path(path).replace_extension(".id"); }
fs::path draft_of(const fs::path& path) { return path.string() + ".mending"; }

// The id is kept twice: a file that lost its own must not come back under another and be stored again.
std::string kept_id(const fs::path& path) {
  std::ifstream in(id_file(path));
  std::string id;
  std::getline(in, id);
  return id;
}

void keep_id(const fs::path& path, const std::string& id) {
  if (kept_id(path) == id) return;
  std::ofstream(id_file(path), std::ios::trunc) << id << "\n";
}

// A new name lasts when its directory is synced.
void sync_directory(const fs::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  static_cast<void>(::fsync(fd));
  ::close(fd);
}

std::string timestamp() {
  const auto now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
  return text;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += (text.empty() ? "" : "; ") + line;
  return text;
}

// Copies the sound rows of `path` into a file of their own.
Result<> copy_sound(const fs::path& path, const fs::path& draft, const Inspection& found) {
  std::error_code ignored;
  for (const auto& file : files_of(draft)) fs::remove(file, ignored);
  DUNE_TRY(to, SpoolFile::open(draft, found.id));
  DUNE_TRY(from, Connection::open(path, Connection::Mode::read_only));
  DUNE_TRY_VOID(from.read_in_spite_of_damage());
  const auto copied = to.transaction([&]() -> Result<> {
    std::optional<Statement> select;
    for (const auto& row : found.rows) {
      if (!select) {
        DUNE_TRY(statement, from.prepare("SELECT record FROM batches WHERE position = ?"));
        select = std::move(statement);
      }
      select->bind(1, static_cast<std::int64_t>(row.position));
      DUNE_TRY(there, select->step());
      if (there) DUNE_TRY_VOID(to.insert(row, select->bytes(0)));
      select->reset();
    }
    return to.remove_before(0, found.next + kDamageLeap);
  });
  if (!copied) return copied;
  return to.checkpoint();
}

Result<fs::path> set_aside(const fs::path& path) {
  const auto suffix = ".damaged-" + timestamp();
  std::error_code error;
  for (const auto& file : files_of(path)) {
    std::error_code missing;
    if (!fs::exists(file, missing)) continue;
    fs::rename(file, file.string() + suffix, error);
    if (error) return fail(Code::internal, file.string() + ": cannot be set aside: " + error.message());
  }
  return fs::path(path.string() + suffix);
}

Result<> mend(const fs::path& path, Inspection found, telemetry::Logger& log) {
  if (found.id.empty()) found.id = kept_id(path);
  DUNE_TRY_VOID(copy_sound(path, draft_of(path), found));
  DUNE_TRY(aside, set_aside(path));
  std::error_code error;
  fs::rename(draft_of(path), path, error);
  if (error) return fail(Code::internal, path.string() + ": " + error.message());
  std::uint64_t events = 0;
  for (const auto& row : found.rows) events += row.events;
  log.error("spool.damaged", {{"file", path.string()},
                              {"problems", joined(found.problems)},
                              {"set_aside", aside.string()},
                              {"kept_batches", found.rows.size()},
                              {"kept_events", events}});
  return {};
}

// A start that ended between setting the damaged file aside and putting the mended one in its place.
void finish_mending(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored) && fs::exists(draft_of(path), ignored)) fs::rename(draft_of(path), path, ignored);
}

}  // namespace

Result<Opened> open_or_mend(const fs::path& path, telemetry::Logger& log) {
  finish_mending(path);
  auto found = inspect(path);
  if (!found && found.error().code != Code::not_found) return tl::unexpected(std::move(found).error());
  const bool sound = found && found->problems.empty();
  if (found && !sound) DUNE_TRY_VOID(mend(path, std::move(*found), log));
  auto file = SpoolFile::open(path);
  if (!file) return tl::unexpected(std::move(file.error()).in(path.string()));
  DUNE_TRY(content, sound ? std::move(found) : inspect(path));  // all of a full spool is not read twice
  if (!content.problems.empty()) return fail(Code::internal, path.string() + ": " + joined(content.problems));
  content.next = (content.next / kStartLeap + 1) * kStartLeap;
  const auto leapt = file->transaction([&] { return file->remove_before(0, content.next); });
  if (!leapt) return fail(leapt.error().code, path.string() + ": " + leapt.error().text);
  // From here on the main file knows the leap, whatever becomes of the log beside it; unless a command reads it just
  // now.
  if (const auto done = file->checkpoint(); !done && done.error().code != Code::conflict)
    return tl::unexpected(done.error());
  keep_id(path, content.id);
  sync_directory(path.parent_path());
  sync_directory(path.parent_path().parent_path());
  return Opened{std::move(*file), std::move(content)};
}

}  // namespace dunetrace::spool
