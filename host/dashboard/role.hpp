// The dashboard role: serves the pages of dashboard/ and tells them where the API is. Needs no database and no worker;
// every answer comes from memory on the thread that read the request.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/result.hpp"
#include "http/router.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::dashboard {

struct Options {
  std::filesystem::path directory;  // of index.html
  std::uint16_t api_port = 0;
  std::uint16_t ingest_port = 0;
  std::string api_base;  // "https://api.example"; empty = the host name of the request with api_port
};

// Errors: the directory cannot be read or has no page (not_found), api_base is no URL (invalid_argument).
[[nodiscard]] Result<http::Router> make_router(const Options& options, telemetry::Logger& log);

}  // namespace dunetrace::dashboard
