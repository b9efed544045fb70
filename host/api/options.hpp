// Settings of the customer API (spec/api.md 1.5), filled in by whoever starts the role.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dunetrace::api {

struct Options {
  std::string bind = "127.0.0.1";
  std::uint16_t port = 0;  // 0 = any free port
  bool dev_auth = false;   // AUTH_MODE dev: no key needed, every customer is seen
  std::int64_t page_size_default = 50;
  std::int64_t page_size_max = 500;
  std::vector<std::string> cors_origins = {};  // besides dev mode, which allows any
  int workers = 4;  // requests that are answered at a time; as many database connections make sense
};

}  // namespace dunetrace::api
