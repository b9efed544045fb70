#include "dashboard/role.hpp"

#include <fmt/format.h>

#include <memory>
#include <string_view>

#include "dashboard/assets.hpp"
#include "dashboard/origins.hpp"
#include "json/writer.hpp"

namespace dunetrace::dashboard {
namespace {

constexpr std::string_view kRunPages = "/runs/";  // a run id may end in ".json": never a file

// The grammar of the policy has no IPv6 addresses; for them the scheme is the narrowest source a browser understands.
std::string_view connect_source(const Origins& origins) {
  const std::string_view origin = origins.api_origin;
  return origin.find('[') == std::string_view::npos ? origin : origin.substr(0, origin.find(':') + 1);
}

// Everything the page may load or talk to. No inline script or style, no frame, no form that leaves.
std::string content_security_policy(const Origins& origins) {
  return fmt::format(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src {}; "
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      connect_source(origins));
}

std::string config_script(const Origins& origins) {
  json::Writer config;
  config.begin_object();
  config.field("apiBase", origins.api);
  config.field("ingestBase", origins.ingest);
  config.end_object();
  return fmt::format("window.DUNETRACE_CONFIG = {};\n", config.text());
}

// If-None-Match: a list of tags, weak or strong, or "*".
bool client_has(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    const auto comma = if_none_match.find(',');
    auto tag = if_none_match.substr(0, comma);
    while (tag.starts_with(' ') || tag.starts_with('\t')) tag.remove_prefix(1);
    while (tag.ends_with(' ') || tag.ends_with('\t')) tag.remove_suffix(1);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == "*" || tag == etag) return true;
    if (comma == std::string_view::npos) break;
    if_none_match.remove_prefix(comma + 1);
  }
  return false;
}

http::Response secured(http::Response response, const std::string& policy) {
  response.headers.emplace_back("Content-Security-Policy", policy);
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("X-Frame-Options", "DENY");
  response.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  return response;
}

// The browser keeps the bytes and asks each time whether they are still good: an upgrade shows at once.
http::Response content(std::string_view bytes, std::string_view type, std::string_view etag,
                       const http::Request& request) {
  http::Response response;
  response.content_type = type;
  response.headers.emplace_back("Cache-Control", "no-cache");
  response.headers.emplace_back("ETag", etag);
  if (client_has(request.header("If-None-Match"), etag))
    response.status = 304;
  else
    response.body = bytes;
  return response;
}

http::Response answer(const Assets& assets, const Options& options, const http::Request& request) {
  const auto origins = origins_for(request.header("Host"), options.api_base, options.api_port, options.ingest_port);
  if (!origins) return http::Response::error(400, origins.error().text);
  const auto policy = content_security_policy(*origins);
  if (request.path == "/config.js") {
    const auto script = config_script(*origins);
    return secured(content(script, "text/javascript; charset=utf-8", etag_of(script), request), policy);
  }
  const auto* asset = assets.find(request.path);
  if (asset == nullptr && (request.path.starts_with(kRunPages) || !names_a_file(request.path))) asset = &assets.page();
  if (asset == nullptr) return secured(http::Response::error(404, "Not Found"), policy);
  return secured(content(asset->bytes, asset->content_type, asset->etag, request), policy);
}

}  // namespace

Result<http::Router> make_router(const Options& options, telemetry::Logger& log) {
  // With a name that is always good this can only fail for api_base, and then before the port is open.
  DUNE_TRY_VOID(origins_for("localhost", options.api_base, options.api_port, options.ingest_port));
  DUNE_TRY(loaded, Assets::load(options.directory));
  log.info("dashboard.loaded", {{"directory", options.directory.string()}, {"files", loaded.size()}});
  // Shared by the handlers of all threads; they end with the router.
  auto assets = std::make_shared<const Assets>(std::move(loaded));
  http::Router router;
  router.fallback([assets, options](http::Request request, http::Responder responder) {
    responder.send(answer(*assets, options, request));
  });
  return router;
}

}  // namespace dunetrace::dashboard
