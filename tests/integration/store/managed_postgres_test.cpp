// The server of our own: made, kept, taken over, and refused where taking it would harm somebody.
#include "store/managed_postgres.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <stop_token>

#include "store/managed_postgres_process.hpp"
#include "store/migrations.hpp"
#include "testing/postgres.hpp"
#include "testing/wait.hpp"

namespace dunetrace::store {
namespace {

namespace fs = std::filesystem;
using dunetrace::testing::migrations_directory;
using dunetrace::testing::read_file;
using dunetrace::testing::TempDir;
using dunetrace::testing::TestLog;
using dunetrace::testing::wait_until;
using dunetrace::testing::write_file;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

class ManagedPostgresTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::permissions(dir.path(), fs::perms::all); }

  // Spares a test that is not about the first start its initdb.
  void copy_cluster() { dunetrace::testing::copy_cluster(data_dir, log.logger()); }
  Result<std::unique_ptr<ManagedPostgres>> start() { return start({.data_dir = data_dir}); }
  Result<std::unique_ptr<ManagedPostgres>> start(ManagedPostgresOptions options) {
    return ManagedPostgres::start(std::move(options), log.logger());
  }
  std::string refusal(ManagedPostgresOptions options, Code code) {
    const auto refused = start(std::move(options));
    EXPECT_FALSE(refused);
    if (refused) return {};
    EXPECT_EQ(refused.error().code, code) << refused.error().text;
    EXPECT_EQ(refused.error().text.find('\n'), std::string::npos) << "one line";
    return refused.error().text;
  }
  std::string refusal(Code code) { return refusal({.data_dir = data_dir}, code); }

  // Keeps one key, and finds it again.
  void write_something(const std::string& url) {
    Database db({.url = url, .application_name = "test"}, log.logger(), metrics);
    const auto migrated = migrate(db, migrations_directory());
    ASSERT_TRUE(migrated) << migrated.error().text;
    exec(url, "INSERT INTO digest_log (customer_id) VALUES ('kept')");
  }
  static void exec(const std::string& url, const std::string& sql) { psql(url, sql); }
  static std::string psql(const std::string& url, const std::string& sql) {
    auto output = detail::run_to_end({.argv = {"/usr/bin/psql", "--no-psqlrc", "-qAtc", sql, url}}, 30s);
    EXPECT_TRUE(output) << output.error().text;
    return output ? output->substr(0, output->find('\n')) : "";
  }
  static std::string kept(const std::string& url) { return psql(url, "SELECT count(*) FROM digest_log"); }

  // The helper as a process, ready or failed.
  detail::Process host(const std::string& mode, std::optional<detail::User> user = {}) {
    fs::remove(output());
    auto process =
        detail::Process::start({.argv = {helper(), data_dir.string(), mode}, .user = user, .output = output()});
    EXPECT_TRUE(process) << process.error().text;
    const auto spoke = [&] { return fs::exists(output()) && read_file(output()).find('\n') != std::string::npos; };
    EXPECT_TRUE(wait_until(spoke, 60s));
    return std::move(*process);
  }
  // In a place that every user can reach, which the build directory may not be.
  std::string helper() {
    const auto copy = dir / "managed_host";
    if (!fs::exists(copy)) fs::copy_file(MANAGED_HOST, copy);
    return copy.string();
  }
  fs::path output() { return dir / "output"; }
  pid_t postmaster() { return std::stoi(read_file(data_dir / "postgres" / "postmaster.pid")); }

  TempDir dir;
  fs::path data_dir = dir / "data";
  TestLog log;
  telemetry::Metrics metrics;
};

TEST_F(ManagedPostgresTest, MakesADurablePrivateServerAndKeepsItsData) {
  {
    const auto server = start();
    ASSERT_TRUE(server) << server.error().text;
    const auto& url = (*server)->url();
    write_something(url);
    EXPECT_EQ(psql(url, "SHOW listen_addresses"), "");
    EXPECT_EQ(psql(url, "SHOW fsync"), "on");
    EXPECT_EQ(psql(url, "SHOW synchronous_commit"), "on");
    EXPECT_EQ(psql(url, "SHOW full_page_writes"), "on");
    EXPECT_EQ(psql(url, "SHOW data_checksums"), "on");
    EXPECT_EQ(psql(url, "SHOW backend_flush_after"), "2MB") << "also where nobody asks for it, as autovacuum";
    EXPECT_EQ(psql(url, "SHOW server_encoding"), "UTF8");
    struct stat info {};
    ASSERT_EQ(::stat((data_dir / "run").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0700U);
    EXPECT_NE(::getsid(postmaster()), ::getsid(0)) << "a terminal's Ctrl-C is for the host alone";
  }
  EXPECT_FALSE(fs::exists(data_dir / "postgres" / "postmaster.pid")) << "stopped with the host";
  const auto again = start();
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ(kept((*again)->url()), "1");
}

TEST_F(ManagedPostgresTest, TakesOverTheServerOfAKilledHost) {
  copy_cluster();
  auto killed = host("thread");
  ASSERT_THAT(read_file(output()), HasSubstr("ready"));
  const auto url = read_file(output()).substr(7, read_file(output()).find('\n') - 7);
  write_something(url);
  const auto orphan = postmaster();
  killed.signal(SIGKILL);
  ASSERT_TRUE(killed.wait_for(10s));
  ASSERT_EQ(::kill(orphan, 0), 0) << "the server outlived its host";

  const auto server = start();
  ASSERT_TRUE(server) << server.error().text;
  EXPECT_TRUE(detail::wait_gone(orphan, 0ms)) << "and was ended by the next";
  EXPECT_TRUE(log.contains("postgres.takeover"));
  EXPECT_EQ(kept((*server)->url()), "1");
}

TEST_F(ManagedPostgresTest, TheServerEndsWithAKilledHost) {
  copy_cluster();
  auto killed = host("main");
  const auto orphan = postmaster();
  killed.signal(SIGKILL);
  ASSERT_TRUE(killed.wait_for(10s));
  EXPECT_TRUE(detail::wait_gone(orphan, 20s));
}

TEST_F(ManagedPostgresTest, StartsRightAfterAKilledHost) {
  copy_cluster();
  auto killed = host("main");
  killed.signal(SIGKILL);
  const auto server = start();  // while the old server is shutting down
  EXPECT_TRUE(server) << server.error().text;
}

TEST_F(ManagedPostgresTest, StartsAfterItsServerWasKilledWithAllItsProcesses) {
  copy_cluster();
  {
    const auto server = start();
    ASSERT_TRUE(server) << server.error().text;
    write_something((*server)->url());
    ::kill(postmaster(), SIGKILL);
  }
  ASSERT_TRUE(fs::exists(data_dir / "postgres" / "postmaster.pid")) << "left behind";
  const auto again = start();
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ(kept((*again)->url()), "1") << "committed is kept";
}

TEST_F(ManagedPostgresTest, AServerThatWasKilledIsStartedAgain) {
  copy_cluster();
  const auto server = start();
  ASSERT_TRUE(server) << server.error().text;
  write_something((*server)->url());
  for (int round = 0; round < 2; ++round) {
    const auto killed = postmaster();
    ::kill(killed, SIGKILL);
    ASSERT_TRUE(wait_until(
        [&] {
          const auto file = data_dir / "postgres" / "postmaster.pid";
          if (!fs::exists(file) || log.text().find("postgres.restarted") == std::string::npos) return false;
          const auto now = read_file(file);
          return !now.empty() && std::stoi(now) != killed && detail::wait_gone(killed, 0ms);
        },
        60s));
    ASSERT_TRUE(wait_until(
        [&] {
          Database db({.url = (*server)->url(), .application_name = "test"}, log.logger(), metrics);
          return db.ping().has_value();
        },
        60s));
    EXPECT_EQ(kept((*server)->url()), "1");
  }
}

// After a power loss the number in the file may belong to anybody: here to this test, and to the server's own user.
TEST_F(ManagedPostgresTest, AStalePidOfALivingStrangerDoesNotBlock) {
  copy_cluster();
  ASSERT_TRUE(start());
  struct stat info {};
  ASSERT_EQ(::stat((data_dir / "postgres").c_str(), &info), 0);
  const detail::User user{info.st_uid, info.st_gid, "server"};
  auto stranger = detail::Process::start(
      {.argv = {"/usr/bin/sleep", "60"}, .user = ::geteuid() == 0 ? std::optional(user) : std::nullopt});
  ASSERT_TRUE(stranger);
  const auto pid_file = data_dir / "postgres" / "postmaster.pid";
  write_file(pid_file, fmt::format("{}\n{}\n1700000000\n5432\n{}\n\n", stranger->pid(),
                                   (data_dir / "postgres").string(), (data_dir / "run").string()));
  write_file(data_dir / "run" / ".s.PGSQL.5432.lock", fmt::format("{}\n", stranger->pid()));
  ASSERT_EQ(::chown(pid_file.c_str(), info.st_uid, info.st_gid), 0);
  const auto again = start();
  EXPECT_TRUE(again) << again.error().text;
  EXPECT_EQ(::kill(stranger->pid(), 0), 0) << "the stranger was left alone";
  stranger->signal(SIGKILL);
  EXPECT_TRUE(stranger->wait_for(10s));
}

TEST_F(ManagedPostgresTest, ASecondHostIsRefusedWithTheFirstOnesPid) {
  copy_cluster();
  const auto server = start();
  ASSERT_TRUE(server) << server.error().text;
  auto second = host("main");
  EXPECT_THAT(read_file(output()), HasSubstr(fmt::format("in use by another dunetrace (process {})", ::getpid())));
  EXPECT_TRUE(second.wait_for(10s));
  EXPECT_EQ(psql((*server)->url(), "SELECT 1"), "1") << "the first is undisturbed";
}

TEST_F(ManagedPostgresTest, AServerThatHangsIsEndedInTimeAndKeepsWhatWasCommitted) {
  copy_cluster();
  {
    const auto server = start();
    ASSERT_TRUE(server) << server.error().text;
    write_something((*server)->url());
    const auto hanging = postmaster();
    ASSERT_EQ(::kill(hanging, SIGSTOP), 0);
    const auto begin = std::chrono::steady_clock::now();
    (*server)->stop(2s);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
    EXPECT_TRUE(detail::wait_gone(hanging, 0ms));
    EXPECT_TRUE(log.contains("postgres.killed"));
  }
  const auto again = start();
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ(kept((*again)->url()), "1");
}

TEST_F(ManagedPostgresTest, AStartThatIsToldToStopEndsSoon) {
  std::stop_source stop;
  auto starting =
      std::async(std::launch::async, [&] { return start({.data_dir = data_dir, .stop = stop.get_token()}); });
  EXPECT_TRUE(wait_until([&] { return fs::exists(data_dir / "postgres.initializing"); }));
  const auto begin = std::chrono::steady_clock::now();
  stop.request_stop();
  const auto stopped = starting.get();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::unavailable);
  EXPECT_EQ(stopped.error().text, "stopped while starting");
}

TEST_F(ManagedPostgresTest, ALockTheCallerHoldsIsTakenOver) {
  copy_cluster();
  auto lock = DataDirLock::take(data_dir);
  ASSERT_TRUE(lock) << lock.error().text;
  EXPECT_EQ(DataDirLock::take(data_dir).error().code, Code::conflict);
  struct stat info {};
  ASSERT_EQ(::stat((data_dir / "lock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U) << "whoever can open it can lock it";
  {
    const auto server = start({.data_dir = data_dir, .lock = std::move(*lock)});
    ASSERT_TRUE(server) << server.error().text;
    EXPECT_FALSE(DataDirLock::take(data_dir));
  }
  EXPECT_TRUE(DataDirLock::take(data_dir));
}

TEST_F(ManagedPostgresTest, ADirectoryThatIsNotOursIsRefusedUntouched) {
  write_file(data_dir / "postgres" / "PG_VERSION", "15\n");
  EXPECT_THAT(refusal(Code::conflict),
              HasSubstr((data_dir / "postgres").string() + " exists but was not made by dunetrace"));
  EXPECT_EQ(std::distance(fs::directory_iterator(data_dir / "postgres"), {}), 1);
}

TEST_F(ManagedPostgresTest, AnotherMajorVersionIsRefusedNamingBoth) {
  copy_cluster();
  write_file(data_dir / "postgres" / "PG_VERSION", "9.6\n");
  const auto text = refusal(Code::conflict);
  EXPECT_THAT(text, HasSubstr("made by PostgreSQL 9.6, installed is PostgreSQL 1"));
  EXPECT_THAT(text, HasSubstr((data_dir / "postgres").string()));
  EXPECT_THAT(text, HasSubstr("postgresql-9.6"));
}

TEST_F(ManagedPostgresTest, MissingProgramsNameThePackage) {
  fs::create_directories(dir / "empty");
  const auto text = refusal({.data_dir = data_dir, .binaries = dir / "empty"}, Code::not_found);
  EXPECT_THAT(text, HasSubstr("install the package `postgresql`"));
  EXPECT_THAT(text, HasSubstr((dir / "empty").string()));
}

TEST_F(ManagedPostgresTest, AFirstStartThatWasCutOffIsBegunAnew) {
  write_file(data_dir / "postgres.initializing" / "half", "of a cluster");
  const auto server = start();
  EXPECT_TRUE(server) << server.error().text;
}

TEST_F(ManagedPostgresTest, AServerThatCannotStartSaysWhy) {
  copy_cluster();
  const auto text = refusal({.data_dir = data_dir, .settings = {"max_connections=no number"}}, Code::internal);
  EXPECT_THAT(text, HasSubstr("max_connections"));
  EXPECT_THAT(text, HasSubstr("exit code 1"));
}

// A Unix socket's path may have 107 bytes; others hold what libpq would split or must be escaped for it.
TEST_F(ManagedPostgresTest, LongAndOddPathsWork) {
  for (const auto& name : {std::string(120, 'x'), std::string("it's \"a\\, b")}) {
    dunetrace::testing::copy_cluster(dir / name, log.logger());
    const auto server = start({.data_dir = dir / name});
    ASSERT_TRUE(server) << server.error().text;
    EXPECT_EQ(psql((*server)->url(), "SELECT 1"), "1");
  }
}

TEST_F(ManagedPostgresTest, AForeignSocketDirectoryIsNotTrusted) {
  fs::create_directories(data_dir / "run");
  fs::permissions(data_dir / "run", fs::perms::all);
  EXPECT_THAT(refusal(Code::conflict), HasSubstr("with mode 0700"));
}

class ManagedPostgresAsRoot : public ManagedPostgresTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can start processes as other users";
    // A user who is not the one the server would choose by itself.
    const auto* entry = ::getpwnam("nobody");
    ASSERT_NE(entry, nullptr);
    other = {entry->pw_uid, entry->pw_gid, "nobody"};
    ManagedPostgresTest::SetUp();
  }
  detail::User other;
};

TEST_F(ManagedPostgresAsRoot, TheServerHasAUserOfItsOwn) {
  fs::create_directories(data_dir);
  fs::permissions(data_dir, fs::perms::owner_all);  // as mktemp makes them
  const auto server = start();
  ASSERT_TRUE(server) << server.error().text;
  struct stat info {};
  ASSERT_EQ(::stat(fmt::format("/proc/{}", postmaster()).c_str(), &info), 0);
  EXPECT_NE(info.st_uid, 0U);
  ASSERT_EQ(::stat(data_dir.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0711U) << "can be entered, cannot be listed";
}

TEST_F(ManagedPostgresAsRoot, AnOrdinaryUserRunsItsOwnAndRootContinuesIt) {
  auto ordinary = host("main", other);
  ASSERT_THAT(read_file(output()), HasSubstr("ready"));
  struct stat info {};
  ASSERT_EQ(::stat(fmt::format("/proc/{}", postmaster()).c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, other.uid);
  ordinary.signal(SIGTERM);
  ASSERT_TRUE(ordinary.wait_for(20s));
  EXPECT_TRUE(ordinary.succeeded()) << ordinary.outcome();

  const auto server = start();
  ASSERT_TRUE(server) << server.error().text;
  ASSERT_EQ(::stat(fmt::format("/proc/{}", postmaster()).c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, other.uid) << "the owner of the files";
}

TEST_F(ManagedPostgresAsRoot, AClosedParentDirectoryIsNamed) {
  fs::create_directories(dir / "closed/data");
  fs::permissions(dir / "closed", fs::perms::owner_all);
  EXPECT_THAT(refusal({.data_dir = dir / "closed/data"}, Code::conflict),
              HasSubstr("cannot enter " + (dir / "closed").string() + ":"));
}

TEST_F(ManagedPostgresAsRoot, TheClusterOfAnotherUserIsRefused) {
  copy_cluster();
  fs::permissions(data_dir, fs::perms::all);
  auto ordinary = host("main", other);
  EXPECT_THAT(read_file(output()), HasSubstr("this process runs as nobody"));
  EXPECT_TRUE(ordinary.wait_for(10s));
}

}  // namespace
}  // namespace dunetrace::store
