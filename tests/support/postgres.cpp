#include "testing/postgres.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <pqxx/pqxx>
#include <stdexcept>

#include "core/hash.hpp"
#include "store/managed_postgres_process.hpp"
#include "store/migrations.hpp"

#ifdef __SANITIZE_ADDRESS__
// libpqxx 6.4 loses a result (2 kB) whenever a COPY fails; its frames carry no other names.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libpqxx\n"; }
#endif

namespace dunetrace::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTemplate = "migrated_template";

template <class T>
T must(Result<T> result, std::string_view what) {
  if (!result) throw std::runtime_error(fmt::format("{}: {}", what, result.error().text));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// A test server may forget everything when the machine fails.
std::vector<std::string> fast_settings() {
  return {"fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=100"};
}

// Ownership follows the content: the server refuses a cluster that is not its user's.
void copy_tree(const fs::path& from, const fs::path& to) {
  fs::create_directories(to.parent_path());
  fs::copy(from, to, fs::copy_options::recursive);
  const auto give = [&](const fs::path& target) {
    struct stat info {};
    const auto source = target == to ? from : from / fs::relative(target, to);
    if (::stat(source.c_str(), &info) != 0 || ::lchown(target.c_str(), info.st_uid, info.st_gid) != 0) {
      throw std::runtime_error("cannot copy the rights of " + source.string());
    }
  };
  give(to);
  for (const auto& entry : fs::recursive_directory_iterator(to)) give(entry.path());
}

std::string next_name() {
  static std::atomic<int> number{0};
  return fmt::format("test_{}_{}", ::getpid(), ++number);
}

}  // namespace

// A cluster with the database and its migrated template, made once per build directory and schema, then only copied:
// initdb takes longer than most test programs.
void copy_cluster(const fs::path& data_dir, telemetry::Logger& log) {
  std::string content;
  for (const auto& entry : fs::directory_iterator(migrations_directory())) content += read_file(entry.path());
  const auto base = fs::path(DUNE_BINARY_DIR) / fmt::format("postgres-for-tests-{}", ::geteuid());
  const auto cache = base / hash16(content);
  fs::create_directories(base);
  const Fd lock(::open((base / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock || ::flock(lock.get(), LOCK_EX) != 0) throw std::runtime_error("cannot lock " + base.string());
  if (!fs::exists(cache)) {
    const TempDir made;  // not under the build directory, which the server's user may be unable to enter
    auto server = must(store::ManagedPostgres::start({.data_dir = made.path(), .settings = fast_settings()}, log),
                       "making the test cluster");
    {
      pqxx::connection connection(server->url());
      pqxx::nontransaction tx(connection);
      tx.exec(fmt::format("CREATE DATABASE {} TEMPLATE template0", kTemplate));
    }
    {
      telemetry::Metrics metrics;
      auto url = server->url();
      url.replace(url.rfind("dbname="), std::string::npos, fmt::format("dbname={}", kTemplate));
      store::Database db({.url = url, .application_name = "test-template"}, log, metrics);
      must(store::migrate(db, migrations_directory()), "migrating the test template");
    }
    server.reset();
    const auto unfinished = base / "unfinished";
    fs::remove_all(unfinished);
    copy_tree(made / "postgres", unfinished);
    fs::rename(unfinished, cache);
  }
  copy_tree(cache, data_dir / "postgres");
}

fs::path migrations_directory() { return fs::path(DUNE_SOURCE_DIR) / "migrations"; }

TestPostgres& TestPostgres::instance() {
  static TestPostgres server;
  return server;
}

TestPostgres::TestPostgres() {
  copy_cluster(dir_.path(), log_.logger());
  start();
}

TestPostgres::~TestPostgres() = default;

void TestPostgres::stop() { server_.reset(); }

void TestPostgres::start() {
  if (server_) return;
  server_ = must(store::ManagedPostgres::start({.data_dir = dir_.path(), .settings = fast_settings()}, log_.logger()),
                 "starting the test server");
  const auto& url = server_->url();
  host_ = url.substr(0, url.rfind("dbname="));
}

std::string TestPostgres::url(const std::string& database) const { return host_ + "dbname=" + database; }

TestDatabase::TestDatabase(Schema schema) : name_(next_name()) {
  auto& server = TestPostgres::instance();
  server.start();  // a test before this one may have ended the server
  pqxx::connection connection(server.url("postgres"));
  pqxx::nontransaction tx(connection);
  tx.exec(fmt::format("CREATE DATABASE {} TEMPLATE {}", name_, schema == Schema::migrated ? kTemplate : "template0"));
  url_ = server.url(name_);
}

TestDatabase::~TestDatabase() {
  db_.reset();
  try {
    if (!TestPostgres::instance().running()) return;
    pqxx::connection connection(TestPostgres::instance().url("postgres"));
    pqxx::nontransaction tx(connection);
    tx.exec(fmt::format("DROP DATABASE {} WITH (FORCE)", name_));
  } catch (const std::exception&) {
    // It goes with the server at the end of the program.
  }
}

store::DatabaseOptions TestDatabase::options() const { return {.url = url_, .application_name = "dunetrace-test"}; }

store::Database& TestDatabase::db() {
  if (!db_) db_ = std::make_unique<store::Database>(options(), log_.logger(), metrics_);
  return *db_;
}

void TestDatabase::exec(const std::string& sql) const {
  pqxx::connection connection(url_);
  pqxx::work tx(connection);
  tx.exec(sql);
  tx.commit();
}

std::vector<std::vector<std::optional<std::string>>> TestDatabase::rows(const std::string& sql) const {
  pqxx::connection connection(url_);
  pqxx::work tx(connection);
  std::vector<std::vector<std::optional<std::string>>> all;
  for (const auto& row : tx.exec(sql)) {
    auto& cells = all.emplace_back();
    for (const auto& field : row) {
      cells.push_back(field.is_null() ? std::nullopt : std::optional<std::string>(field.c_str()));
    }
  }
  tx.commit();
  return all;
}

std::string TestDatabase::scalar(const std::string& sql) const {
  const auto all = rows(sql);
  if (all.size() != 1 || all[0].size() != 1) throw std::runtime_error("expected one value from: " + sql);
  return all[0][0].value_or("(null)");
}

int TestDatabase::kill_connections() const {
  pqxx::connection connection(TestPostgres::instance().url("postgres"));
  pqxx::nontransaction tx(connection);
  // With a timeout the function waits until the session is gone.
  return tx
      .exec_params1(
          "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
          " WHERE datname = $1",
          name_)[0]
      .as<int>();
}

}  // namespace dunetrace::testing
