// The directories of a managed cluster: which there are, whose they are, and that no second host uses them. For
// managed_postgres* only; used by one thread while starting.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "store/data_dir_lock.hpp"
#include "store/managed_postgres_process.hpp"

namespace dunetrace::store::detail {

struct Layout {
  std::filesystem::path data_dir;      // canonical
  std::filesystem::path cluster;       // data_dir/postgres
  std::filesystem::path fresh;         // where a new cluster is made before it becomes `cluster`
  std::filesystem::path sockets;       // private directory of the Unix socket
  std::filesystem::path log;           // data_dir/postgres.log
  std::optional<DataDirLock> lock;     // held as long as this lives
  std::optional<User> user;            // whom the server runs as; empty = the caller
  std::optional<std::string> version;  // of the cluster on disk; empty = there is none yet

  [[nodiscard]] uid_t owner() const;
};

inline constexpr const char* kRole = "dunetrace";
inline constexpr const char* kDatabase = "dunetrace";

// What libpq is told to reach a database of this cluster.
[[nodiscard]] std::string conninfo(const Layout& layout, std::string_view database);

// What lies in a data directory that another process may hold: no lock is taken and nothing is made. Code::not_found
// when there is no cluster of ours, Code::conflict when it or its socket directory is somebody else's.
[[nodiscard]] Result<Layout> look_at_layout(const std::filesystem::path& data_dir);

// Makes the data directory, takes its lock unless the caller has it, and looks at what is there. Errors name the
// directory and what was expected.
[[nodiscard]] Result<Layout> open_layout(const std::filesystem::path& data_dir, std::optional<DataDirLock> held);

// Makes the socket directory and an empty place for the log, both reachable for the server's user.
[[nodiscard]] Result<> prepare_directories(const Layout& layout);

// A directory that only the server's user may enter, made or checked.
[[nodiscard]] Result<> private_directory(const std::filesystem::path& path, const Layout& layout);

// Declares a cluster to be ours.
[[nodiscard]] Result<> write_marker(const std::filesystem::path& cluster, const Layout& layout);

}  // namespace dunetrace::store::detail
