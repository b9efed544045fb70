// LISTEN on its own connection and thread. A lost connection is made again with back-off; whenever one was made, the
// first included, every channel is called once, since notifications may have been missed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/database.hpp"

namespace dunetrace::store {

class Notifications {
 public:
  struct Channel {
    std::string name;
    std::function<void()> on_notify;  // called on the listener's thread; must be quick
  };
  Notifications(const DatabaseOptions& options, std::vector<Channel> channels, telemetry::Logger& log);
  ~Notifications();  // stops within a second
  Notifications(const Notifications&) = delete;
  Notifications& operator=(const Notifications&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunetrace::store
