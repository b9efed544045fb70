// A PostgreSQL server of our own for `dunetrace up`: a cluster under the data directory with the distribution's
// binaries, reachable only through a private Unix socket, ended with the host.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::store {

struct ManagedPostgresOptions {
  std::filesystem::path data_dir;  // the host's data directory; the cluster lies in data_dir/postgres
  std::filesystem::path binaries =
      {};  // directory with initdb and postgres; empty = newest of /usr/lib/postgresql/*/bin or PATH
  std::vector<std::string> settings = {};  // further "name=value" of the server, winning over ours (tests: "fsync=off")
};

class ManagedPostgres {
 public:
  // Makes the cluster when there is none, takes over one that an ended host left running, starts it and waits until it
  // accepts. Errors (Code::conflict or not_found): binaries missing (with the package to install), other major version
  // on disk, directory not ours, held by another running host, no directory the server's user can reach.
  [[nodiscard]] static Result<std::unique_ptr<ManagedPostgres>> start(ManagedPostgresOptions options,
                                                                      telemetry::Logger& log);
  ~ManagedPostgres();  // fast shutdown, waits up to 10 s
  ManagedPostgres(const ManagedPostgres&) = delete;
  ManagedPostgres& operator=(const ManagedPostgres&) = delete;

  // Connection text for DatabaseOptions::url.
  [[nodiscard]] const std::string& url() const;

 private:
  struct Impl;
  explicit ManagedPostgres(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunetrace::store
