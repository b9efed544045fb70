#include "store/managed_postgres_layout.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/hash.hpp"

namespace dunetrace::store::detail {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMarker = "dunetrace.cluster";
constexpr std::size_t kLongestSocketDirectory = 90;  // sun_path has 108 bytes; the socket's name and lock take the rest
constexpr off_t kLogLimitBytes = 10 << 20;

std::string last_error() { return std::strerror(errno); }

std::optional<User> user_of(const passwd* entry) {
  if (entry == nullptr) return std::nullopt;
  return User{entry->pw_uid, entry->pw_gid, entry->pw_name};
}

std::string name_of(uid_t uid) {
  const auto user = user_of(::getpwuid(uid));  // NOLINT(concurrency-mt-unsafe): starting is single-threaded
  return user ? user->name : fmt::format("uid {}", uid);
}

// PostgreSQL refuses to run as root: then it runs as the owner of what is there, else as a user made for it.
Result<std::optional<User>> server_user(const fs::path& cluster) {
  struct stat info {};
  const bool exists = ::stat(cluster.c_str(), &info) == 0;
  if (::geteuid() != 0) {
    if (exists && info.st_uid != ::geteuid()) {
      return fail(Code::conflict,
                  fmt::format("{} belongs to {}, this process runs as {}: start it as that user or as root",
                              cluster.string(), name_of(info.st_uid), name_of(::geteuid())));
    }
    return std::optional<User>();
  }
  if (exists && info.st_uid != 0) return std::optional(User{info.st_uid, info.st_gid, name_of(info.st_uid)});
  for (const char* name : {"dunetrace", "postgres"}) {
    if (auto user = user_of(::getpwnam(name))) return user;  // NOLINT(concurrency-mt-unsafe)
  }
  return fail(
      Code::not_found,
      "PostgreSQL does not run as root and there is neither a user `dunetrace` nor `postgres`: install the package "
      "`postgresql`, or start as an ordinary user");
}

Result<std::optional<std::string>> version_of(const fs::path& cluster) {
  std::error_code error;
  if (!fs::exists(cluster, error) || fs::is_empty(cluster, error)) return std::optional<std::string>();
  if (!fs::exists(cluster / kMarker, error)) {
    return fail(Code::conflict, fmt::format("{} exists but was not made by dunetrace: move it away, or choose another "
                                            "DUNETRACE_DATA_DIR",
                                            cluster.string()));
  }
  std::ifstream in(cluster / "PG_VERSION");
  std::string version;
  if (!std::getline(in, version)) {
    return fail(Code::conflict, fmt::format("{} cannot be read: expected the version of PostgreSQL",
                                            (cluster / "PG_VERSION").string()));
  }
  return std::optional(version);
}

// The index of the first part of `parts` that `user` cannot pass, asked of the kernel by a child with its rights.
std::optional<std::size_t> first_closed(const std::vector<std::string>& parts, const User& user) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::setgroups(1, &user.gid) != 0 || ::setgid(user.gid) != 0 || ::setuid(user.uid) != 0) ::_exit(254);
    for (std::size_t i = 0; i < parts.size() && i < 254; ++i) {
      if (::access(parts[i].c_str(), X_OK) != 0) ::_exit(static_cast<int>(i));
    }
    ::_exit(255);
  }
  int status = 0;
  while (pid > 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) >= 254) return std::nullopt;
  return static_cast<std::size_t>(WEXITSTATUS(status));
}

Result<> make_traversable(const fs::path& data_dir, const User& user) {
  struct stat info {};
  if (::stat(data_dir.c_str(), &info) != 0) {
    return fail(Code::conflict, fmt::format("{}: {}", data_dir.string(), last_error()));
  }
  // Entering is all that is given: names in it cannot be listed, and what lies in it has its own rights.
  if (::chmod(data_dir.c_str(), (info.st_mode & 07777U) | S_IXGRP | S_IXOTH) != 0) {
    return fail(Code::conflict,
                fmt::format("{} cannot be opened to the user {}: {}", data_dir.string(), user.name, last_error()));
  }
  std::vector<std::string> parts;
  fs::path walked;
  for (const auto& part : data_dir) {
    walked /= part;
    parts.push_back(walked.string());
  }
  if (const auto closed = first_closed(parts, user)) {
    return fail(
        Code::conflict,
        fmt::format("PostgreSQL runs as the user {}, who cannot enter {}: allow it (chmod o+x {}), or choose another "
                    "DUNETRACE_DATA_DIR",
                    user.name, parts[*closed], parts[*closed]));
  }
  return {};
}

Layout paths_in(const fs::path& data_dir) {
  Layout layout;
  layout.data_dir = data_dir;
  layout.cluster = layout.data_dir / "postgres";
  layout.fresh = layout.data_dir / "postgres.initializing";
  layout.log = layout.data_dir / "postgres.log";
  layout.sockets = layout.data_dir / "run";
  const auto sockets = layout.sockets.string();
  if (sockets.size() > kLongestSocketDirectory || sockets.find(',') != std::string::npos) {  // libpq splits at commas
    layout.sockets = "/tmp/dunetrace-" + hash16(layout.data_dir.string());
  }
  return layout;
}

// Somebody else may have put it there, in /tmp above all: through it they could pose as our server.
bool is_private(const struct stat& info, const Layout& layout) {
  return S_ISDIR(info.st_mode) && info.st_uid == layout.owner() && (info.st_mode & 0077U) == 0;
}

tl::unexpected<Error> not_private(const fs::path& path, const Layout& layout) {
  return fail(Code::conflict, fmt::format("{} exists: expected a directory that belongs to {} with mode 0700",
                                          path.string(), name_of(layout.owner())));
}

}  // namespace

std::string conninfo(const Layout& layout, std::string_view database) {
  std::string host;
  for (const char c : layout.sockets.string()) {
    if (c == '\'' || c == '\\') host.push_back('\\');
    host.push_back(c);
  }
  return fmt::format("host='{}' port=5432 user={} dbname={}", host, kRole, database);
}

Result<Layout> look_at_layout(const fs::path& data_dir) {
  std::error_code error;
  const auto canonical = fs::canonical(data_dir, error);
  if (error) return fail(Code::not_found, fmt::format("{}: {}", data_dir.string(), error.message()));
  auto layout = paths_in(canonical);
  struct stat info {};
  if (::stat(layout.cluster.c_str(), &info) != 0) {
    return fail(Code::not_found, fmt::format("{}: {}", layout.cluster.string(), last_error()));
  }
  DUNE_TRY(user, server_user(layout.cluster));
  layout.user = std::move(user);
  DUNE_TRY(version, version_of(layout.cluster));
  if (!version) return fail(Code::not_found, layout.cluster.string() + " is empty");
  layout.version = std::move(version);
  if (::lstat(layout.sockets.c_str(), &info) != 0) {
    return fail(Code::not_found, fmt::format("{}: {}", layout.sockets.string(), last_error()));
  }
  if (!is_private(info, layout)) return not_private(layout.sockets, layout);
  return layout;
}

uid_t Layout::owner() const { return user ? user->uid : ::geteuid(); }

Result<Layout> open_layout(const fs::path& data_dir, std::optional<DataDirLock> held) {
  std::error_code error;
  fs::create_directories(data_dir, error);
  fs::path canonical;
  if (!error) canonical = fs::canonical(data_dir, error);
  if (error) {
    return fail(Code::conflict,
                fmt::format("the data directory {} cannot be made: {}", data_dir.string(), error.message()));
  }
  auto layout = paths_in(canonical);
  // Whose cluster it is comes first: the lock of somebody else's directory cannot even be opened.
  if (const auto user = server_user(layout.cluster); !user) return tl::unexpected(user.error());
  if (!held) {
    DUNE_TRY(lock, DataDirLock::take(layout.data_dir));
    held = std::move(lock);
  }
  layout.lock = std::move(held);
  DUNE_TRY(user, server_user(layout.cluster));
  layout.user = std::move(user);
  DUNE_TRY(version, version_of(layout.cluster));
  layout.version = std::move(version);
  return layout;
}

Result<> private_directory(const fs::path& path, const Layout& layout) {
  if (::mkdir(path.c_str(), 0700) == 0) {
    if (layout.user && ::chown(path.c_str(), layout.user->uid, layout.user->gid) != 0) {
      return fail(Code::conflict,
                  fmt::format("{} cannot be given to the user {}: {}", path.string(), layout.user->name, last_error()));
    }
    return {};
  }
  struct stat info {};
  if (errno != EEXIST || ::lstat(path.c_str(), &info) != 0) {
    return fail(Code::conflict, fmt::format("{} cannot be made: {}", path.string(), last_error()));
  }
  return is_private(info, layout) ? Result<>() : not_private(path, layout);
}

Result<> prepare_directories(const Layout& layout) {
  if (layout.user) DUNE_TRY_VOID(make_traversable(layout.data_dir, *layout.user));
  struct stat info {};
  if (::stat(layout.log.c_str(), &info) == 0 && info.st_size > kLogLimitBytes) {
    auto old = layout.log;
    old += ".1";
    ::rename(layout.log.c_str(), old.c_str());
  }
  return private_directory(layout.sockets, layout);
}

Result<> write_marker(const fs::path& cluster, const Layout& layout) {
  const auto path = cluster / kMarker;
  std::ofstream(path) << "This PostgreSQL cluster belongs to dunetrace, which starts and stops it.\n";
  if (!fs::exists(path)) return fail(Code::conflict, fmt::format("{} cannot be written", path.string()));
  if (layout.user && ::chown(path.c_str(), layout.user->uid, layout.user->gid) != 0) {
    return fail(Code::conflict,
                fmt::format("{} cannot be given to {}: {}", path.string(), layout.user->name, last_error()));
  }
  return {};
}

}  // namespace dunetrace::store::detail
