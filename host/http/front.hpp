// The transport: listening, accepting and reading by Pistache, behind an interface of ours. Internal to http/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/result.hpp"
#include "http/connection.hpp"

namespace dunetrace::http {

// Called by the reading threads.
class PeerHost {
 public:
  virtual ~PeerHost() = default;
  // A client connected on `fd`, which stays the transport's. Nothing refuses it. The host keeps the connection alive
  // until closed().
  virtual ConnectionPtr opened(int fd) = 0;
  virtual void closed(const ConnectionPtr& connection) = 0;
};

class Front {
 public:
  // Reads from the moment it returns. Port in use → Code::conflict, anything else about the address → invalid_argument.
  [[nodiscard]] static Result<std::unique_ptr<Front>> open(const std::string& bind, std::uint16_t port, int threads,
                                                           const std::string& thread_name,
                                                           std::shared_ptr<PeerHost> host);
  ~Front();  // joins the reading threads
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;
  [[nodiscard]] std::uint16_t port() const;

 private:
  struct Impl;
  explicit Front(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunetrace::http
