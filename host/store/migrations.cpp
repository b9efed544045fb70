#include "store/migrations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "core/hash.hpp"
#include "store/session.hpp"

namespace dunetrace::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigits = 4;

struct File {
  int version = 0;
  std::string name;  // 0001_core.sql
  std::string sql;
  std::string sha256;
};

struct Recorded {
  int version = 0;
  std::string name;
  std::string sha256;
};

bool has_version(std::string_view name) {
  return name.size() > kDigits + 1 && name[kDigits] == '_' &&
         std::all_of(name.begin(), name.begin() + kDigits, [](char c) { return c >= '0' && c <= '9'; });
}

Result<File> read_file(const fs::path& path) {
  File file;
  file.name = path.filename().string();
  if (!has_version(file.name)) {
    return fail(Code::invalid_argument,
                fmt::format("migration {}: expected a name like 0001_what_it_does.sql", path.string()));
  }
  file.version = std::stoi(file.name.substr(0, kDigits));
  std::ifstream in(path, std::ios::binary);
  file.sql.assign(std::istreambuf_iterator<char>(in), {});
  if (!in) return fail(Code::not_found, fmt::format("migration {} cannot be read", path.string()));
  file.sha256 = sha256_hex(file.sql);
  return file;
}

// All files in order, numbered 1, 2, 3 … without a gap.
Result<std::vector<File>> read_files(const fs::path& directory) {
  std::error_code error;
  std::vector<File> files;
  for (auto it = fs::directory_iterator(directory, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    if (it->path().extension() != ".sql") continue;
    DUNE_TRY(file, read_file(it->path()));
    files.push_back(std::move(file));
  }
  if (error) {
    return fail(Code::not_found,
                fmt::format("migrations directory {} cannot be read: {}", directory.string(), error.message()));
  }
  std::ranges::sort(files, {}, [](const File& file) { return std::pair(file.version, file.name); });
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto expected = static_cast<int>(i) + 1;
    if (files[i].version == expected) continue;
    return fail(Code::invalid_argument, fmt::format("migration {}: expected number {:04} at this place",
                                                    (directory / files[i].name).string(), expected));
  }
  if (files.empty()) {
    return fail(Code::not_found, fmt::format("migrations directory {} holds no .sql file", directory.string()));
  }
  return files;
}

std::vector<Recorded> read_recorded(pqxx::work& tx) {
  if (tx.exec1("SELECT to_regclass('schema_migrations')")[0].is_null()) return {};
  std::vector<Recorded> recorded;
  for (const auto& row : tx.exec("SELECT version, name, sha256 FROM schema_migrations ORDER BY version")) {
    recorded.push_back({row[0].as<int>(), row[1].as<std::string>(), row[2].as<std::string>()});
  }
  return recorded;
}

// What is recorded must be the beginning of what the files say.
Result<> compare(const std::vector<File>& files, const std::vector<Recorded>& recorded) {
  if (!recorded.empty() && recorded.back().version > static_cast<int>(files.size())) {
    return fail(
        Code::conflict,
        fmt::format("the database has schema version {}, this program knows versions up to {}: it was used by a "
                    "newer dunetrace; use that one or another database",
                    recorded.back().version, files.size()));
  }
  for (std::size_t i = 0; i < recorded.size(); ++i) {
    const auto& row = recorded[i];
    const auto& file = files[i];
    if (row.version != file.version) {
      return fail(Code::conflict, fmt::format("the database records migration {} but not {}, which comes before it",
                                              row.name, file.name));
    }
    if (row.sha256 != file.sha256) {
      return fail(
          Code::conflict,
          fmt::format("migration {} was changed after it had been applied (recorded checksum {:.12}, file {:.12}): "
                      "restore it and put the change into a new file",
                      file.name, row.sha256, file.sha256));
    }
  }
  return {};
}

// One transaction: looks again under the lock, since another process may have been faster. False when it was.
Result<bool> apply(pqxx::work& tx, const std::vector<File>& files, const File& file) {
  // Waiting for the lock, and building an index, may take longer than any statement in service may.
  tx.exec("SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(hashtext('dunetrace.migrations'))");
  tx.exec(
      "CREATE TABLE IF NOT EXISTS schema_migrations ("
      " version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,"
      " applied_at timestamptz NOT NULL DEFAULT now())");
  const auto recorded = read_recorded(tx);
  DUNE_TRY_VOID(compare(files, recorded));
  if (static_cast<int>(recorded.size()) >= file.version) return false;
  tx.exec(file.sql);
  tx.exec_params("INSERT INTO schema_migrations (version, name, sha256) VALUES ($1, $2, $3)", file.version, file.name,
                 file.sha256);
  return true;
}

// In service a refused login is an outage like others, which somebody may end; at the start it is a wrong setting.
Error sorted(Error error) {
  const auto state = sqlstate_of(error);
  const bool connecting = error.code == Code::unavailable;
  if (connecting && (state.starts_with("28") || state == "42501")) error.code = Code::denied;
  if (connecting && state.starts_with("3D")) error.code = Code::not_found;
  return error;
}

// Any other encoding lacks most characters, and events with those would be refused after they had been accepted.
Result<> check_encoding(pqxx::work& tx) {
  const auto row = tx.exec1("SELECT current_database(), current_setting('server_encoding')");
  const auto encoding = row[1].as<std::string>();
  if (encoding == "UTF8") return {};
  return fail(Code::conflict, fmt::format("the database '{}' has the encoding {}, expected UTF8: make another one with "
                                          "`createdb --template template0 --encoding UTF8`",
                                          row[0].as<std::string>(), encoding));
}

Result<std::vector<Recorded>> recorded_in(Database& db, const std::vector<File>& files) {
  auto recorded = query(db, "read the schema version", [](pqxx::work& tx) -> Result<std::vector<Recorded>> {
    DUNE_TRY_VOID(check_encoding(tx));
    return read_recorded(tx);
  });
  if (!recorded) return tl::unexpected<Error>(sorted(std::move(recorded).error()));
  DUNE_TRY_VOID(compare(files, *recorded));
  return recorded;
}

}  // namespace

Result<std::vector<std::string>> migrate(Database& db, const fs::path& directory) {
  DUNE_TRY(files, read_files(directory));
  DUNE_TRY(recorded, recorded_in(db, files));
  std::vector<std::string> applied;
  for (auto i = recorded.size(); i < files.size(); ++i) {
    const auto& file = files[i];
    DUNE_TRY(was_missing,
             transact(db, "migration " + file.name, [&](pqxx::work& tx) { return apply(tx, files, file); }));
    if (was_missing) applied.push_back(file.name);
  }
  return applied;
}

}  // namespace dunetrace::store
