// A PostgreSQL server of our own for `dunetrace up`: a cluster under the data directory with the distribution's
// binaries, reachable only through a private Unix socket, ended with the host.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "store/data_dir_lock.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::store {

struct ManagedPostgresOptions {
  std::filesystem::path data_dir;  // the host's data directory; the cluster lies in data_dir/postgres
  std::filesystem::path binaries =
      {};  // directory with initdb and postgres; empty = newest of /usr/lib/postgresql/*/bin or PATH
  std::vector<std::string> settings = {};  // further "name=value" of the server, winning over ours (tests: "fsync=off")
  std::optional<DataDirLock> lock = {};    // of data_dir when the caller has taken it; kept until the server has ended
  std::stop_token stop = {};               // ends a start that is under way: Code::unavailable
};

class ManagedPostgres {
 public:
  // Makes the cluster when there is none, takes over one that an ended host left running, starts it and waits until it
  // accepts. Errors (Code::conflict or not_found): binaries missing (with the package to install), other major version
  // on disk, directory not ours, held by another running host, no directory the server's user can reach.
  // A server that ends on its own later on is started again.
  [[nodiscard]] static Result<std::unique_ptr<ManagedPostgres>> start(ManagedPostgresOptions options,
                                                                      telemetry::Logger& log);
  ~ManagedPostgres();  // stop() with a limit of 6 s, unless it was called
  ManagedPostgres(const ManagedPostgres&) = delete;
  ManagedPostgres& operator=(const ManagedPostgres&) = delete;

  // Fast shutdown; a server that does not react in time is ended by force, so that nothing of it is left afterwards and
  // the next start recovers what was committed. Takes hardly longer than `limit`, of at least 2 s. May be called again.
  void stop(std::chrono::milliseconds limit);

  // Connection text for DatabaseOptions::url.
  [[nodiscard]] const std::string& url() const;

 private:
  struct Impl;
  explicit ManagedPostgres(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The connection text of the server that a host runs in `data_dir` right now, for commands beside it. Changes nothing.
// Code::not_found when there is none that answers, Code::conflict when it is not this user's; the text says which.
[[nodiscard]] Result<std::string> running_managed_url(const std::filesystem::path& data_dir);

}  // namespace dunetrace::store
