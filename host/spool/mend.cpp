#include "spool/mend.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>

#include "core/ids.hpp"
#include "core/private_files.hpp"
#include "spool/sound_rows.hpp"

namespace dunetrace::spool {
namespace {

namespace fs = std::filesystem;

// A file that lost its end does not know the positions it gave away. No file holds as many events as these leaps are
// wide, and 63 bits have room for millions of them.
constexpr std::uint64_t kStartLeap = std::uint64_t{1} << 32;
constexpr std::uint64_t kDamageLeap = std::uint64_t{1} << 40;

fs::path id_file(const fs::path& path) { return fs::path(path).replace_extension(".id"); }
fs::path draft_of(const fs::path& path) { return path.string() + ".mending"; }

// Kept beside the file, too. The id: a file that lost its own must not come back under another and be stored again. And
// where the latest start began to count: a file that lost everything does not know how far it had come, and after a
// second such loss it would count from where it did after the first.
struct Kept {
  std::string id;          // empty when there is none
  std::uint64_t next = 0;  // 0 in a file of an older version
};

Kept kept(const fs::path& path) {
  std::ifstream in(id_file(path));
  Kept out;
  std::getline(in, out.id);
  // The database takes nothing under an id that is none.
  if (!is_uuid(out.id)) return {};
  if (!(in >> out.next) || out.next > kMostPositions) out.next = 0;
  return out;
}

// Beyond what either of the two knows.
std::uint64_t next_after(const fs::path& path, const Inspection& found) {
  const auto known = kept(path);
  return known.id == found.id ? std::max(found.next, known.next) : found.next;
}

void report_bad_id(const fs::path& path, telemetry::Logger& log) {
  std::error_code error;
  if (!fs::exists(id_file(path), error) || !kept(path).id.empty()) return;
  log.error("spool.id_damaged",
            {{"file", id_file(path).string()}, {"reason", "there is no id in it; it is written anew"}});
}

// By a new name that is on the disk before it counts, so that a crash leaves one or the other.
void keep(const fs::path& path, const Kept& what) {
  const auto file = id_file(path);
  const auto draft = file.string() + ".new";
  const auto text = what.id + "\n" + std::to_string(what.next) + "\n";
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  ::close(fd);
  std::error_code ignored;
  if (written) fs::rename(draft, file, ignored);
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

// As many as can be read: a request that comes again must not be taken twice for a damaged page elsewhere.
void copy_answers(Connection& from, SpoolFile& to) {
  auto select = from.prepare("SELECT key, batch_id, events, at, request_hash FROM answers");
  if (!select) return;
  while (true) {
    const auto there = select->step();
    if (!there || !*there) return;
    const FirstAnswer answer{std::string(select->bytes(0)), std::string(select->bytes(1)),
                             static_cast<std::uint64_t>(select->integer(2)), select->real(3),
                             static_cast<std::uint64_t>(select->integer(4))};
    if (!to.insert(answer)) return;
  }
}

// Copies the sound rows of `path` into a file of their own.
Result<> copy_sound(const fs::path& path, const fs::path& draft, const Inspection& found) {
  std::error_code ignored;
  for (const auto& file : files_of(draft)) fs::remove(file, ignored);
  DUNE_TRY(to, SpoolFile::open(draft, found.id));
  DUNE_TRY(from, Connection::open(path, Connection::Mode::read_only));
  DUNE_TRY_VOID(from.read_in_spite_of_damage());
  const auto copied = to.transaction([&]() -> Result<> {
    const auto take = [&to](const Row& row, std::string_view record) { return to.insert(row, record); };
    DUNE_TRY_VOID(read_sound_rows(from, take, [](const std::string&) {}));  // the problems are known by now
    copy_answers(from, to);
    return to.remove_before(0, found.next + kDamageLeap);
  });
  if (!copied) return copied;
  return to.checkpoint();
}

// A name that nothing has yet, in the same second either.
fs::path name_aside(const fs::path& path) {
  const auto name = path.string() + ".damaged-" + timestamp();
  std::error_code missing;
  fs::path aside = name;
  for (int n = 2; fs::exists(aside, missing); ++n) aside = name + "-" + std::to_string(n);
  return aside;
}

// The files keep belonging together under their new name, so that the commands can look into them.
Result<fs::path> set_aside(const fs::path& path) {
  auto aside = name_aside(path);
  const auto from = files_of(path), to = files_of(aside);
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::error_code error;
    if (!fs::exists(from[i], error)) continue;
    fs::rename(from[i], to[i], error);
    if (error) return fail(Code::internal, from[i].string() + ": cannot be set aside: " + error.message());
  }
  return aside;
}

Result<> mend(const fs::path& path, Inspection found, telemetry::Logger& log) {
  if (found.id.empty()) found.id = kept(path).id;
  found.next = next_after(path, found);
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
  report_bad_id(path, log);
  auto found = inspect(path);
  if (!found && found.error().code != Code::not_found) return tl::unexpected(std::move(found).error());
  std::error_code ignored;
  if (!found && !kept(path).id.empty()) {  // it got that id when it was there and not empty
    const bool there = fs::exists(path, ignored);
    if (!there) create_private_file(path);  // to be set aside with what lies beside it
    found = Inspection();
    found->problems.emplace_back(there ? "the file is empty" : "the file is not there");
  }
  const bool sound = found && found->problems.empty();
  if (found && !sound) DUNE_TRY_VOID(mend(path, std::move(*found), log));
  auto file = SpoolFile::open(path);
  if (!file) return tl::unexpected(std::move(file.error()).in(path.string()));
  DUNE_TRY(content, sound ? std::move(found) : inspect(path));  // all of a full spool is not read twice
  if (!content.problems.empty()) return fail(Code::internal, path.string() + ": " + joined(content.problems));
  content.next = (next_after(path, content) / kStartLeap + 1) * kStartLeap;
  const auto leapt = file->transaction([&] { return file->remove_before(0, content.next); });
  if (!leapt) return fail(leapt.error().code, path.string() + ": " + leapt.error().text);
  // From here on the main file knows the leap, whatever becomes of the log beside it; unless a command reads it just
  // now, or the disk is full: then the log knows it, and the file is made smaller by what goes to the database.
  if (const auto done = file->checkpoint();
      !done && done.error().code != Code::conflict && done.error().code != Code::unavailable)
    return fail(done.error().code, path.string() + ": " + done.error().text);
  keep(path, {content.id, content.next});
  sync_directory(path.parent_path());
  sync_directory(path.parent_path().parent_path());
  return Opened{std::move(*file), std::move(content)};
}

}  // namespace dunetrace::spool
