#include "http/router.hpp"

#include <array>

#include "http/router_match.hpp"
#include "http/url.hpp"

namespace dunetrace::http {
namespace {

constexpr std::array kMethods{Method::get, Method::head, Method::post, Method::put, Method::patch, Method::del};

std::size_t index_of(Method method) { return static_cast<std::size_t>(method); }

// One template with its handlers.
struct Endpoint {
  std::string route;
  std::vector<std::string> names;
  std::array<RouteHandler, 8> handlers;

  [[nodiscard]] const RouteHandler* handler(Method method) const {
    const auto& own = handlers[index_of(method)];
    if (own) return &own;
    const auto& get = handlers[index_of(Method::get)];
    return method == Method::head && get ? &get : nullptr;
  }

  [[nodiscard]] std::string allow() const {
    std::string text;
    for (const auto method : kMethods) {
      if (handler(method) != nullptr) text.append(to_text(method)).append(", ");
    }
    return text + "OPTIONS";
  }
};

// A tree over path segments.
struct Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> fixed;
  std::unique_ptr<Node> part;
  std::unique_ptr<Endpoint> endpoint;
};

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    const auto end = path.find('/');
    segments.push_back(path.substr(0, end));
    if (end == std::string_view::npos) return segments;
    path.remove_prefix(end + 1);
  }
}

using Texts = std::vector<std::string>;

// Depth first, fixed parts first; a dead end goes back to the nearest {part}.
const Endpoint* find(const Node& node, const Texts& segments, std::size_t at, Texts& values) {
  if (at == segments.size()) return node.endpoint.get();
  if (const auto next = node.fixed.find(segments[at]); next != node.fixed.end()) {
    if (const auto* found = find(*next->second, segments, at + 1, values)) return found;
  }
  if (!node.part || segments[at].empty()) return nullptr;
  values.push_back(segments[at]);
  if (const auto* found = find(*node.part, segments, at + 1, values)) return found;
  values.pop_back();
  return nullptr;
}

void collect(const Node& node, Texts& routes) {
  if (node.endpoint) routes.push_back(node.endpoint->route);
  for (const auto& [segment, child] : node.fixed) collect(*child, routes);
  if (node.part) collect(*node.part, routes);
}

}  // namespace

struct Router::Impl {
  Node root;
  RouteHandler fallback;

  RouteHandler& slot(Method method, std::string_view route) {
    auto* node = &root;
    Texts names;
    for (const auto segment : segments_of(route)) {
      const bool part = segment.size() > 2 && segment.starts_with('{') && segment.ends_with('}');
      if (part) names.emplace_back(segment.substr(1, segment.size() - 2));
      auto& next = part ? node->part : node->fixed[std::string(segment)];
      if (!next) next = std::make_unique<Node>();
      node = next.get();
    }
    if (!node->endpoint) {
      node->endpoint = std::make_unique<Endpoint>();
      node->endpoint->route = route;
      node->endpoint->names = names;
    }
    DUNE_CHECK(node->endpoint->names == names, "two routes name the parts of one path differently");
    return node->endpoint->handlers[index_of(method)];
  }
};

Router::Router() : impl_(std::make_unique<Impl>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void Router::add(Method method, std::string_view route, AsyncHandler handler) {
  impl_->slot(method, route) = RouteHandler{std::move(handler), nullptr};
}

void Router::add_blocking(Method method, std::string_view route, BlockingHandler handler) {
  impl_->slot(method, route) = RouteHandler{nullptr, std::move(handler)};
}

void Router::fallback(AsyncHandler handler) { impl_->fallback = RouteHandler{std::move(handler), nullptr}; }

Router::Match Router::match(Method method, std::string_view path) const {
  Match match;
  Texts segments;
  for (const auto raw : segments_of(path)) {
    auto segment = percent_decode(raw);
    if (!segment) {
      match.kind = Match::Kind::malformed_path;
      return match;
    }
    segments.push_back(std::move(*segment));
  }
  Texts values;
  if (const auto* endpoint = find(impl_->root, segments, 0, values)) {
    match.route = endpoint->route;
    match.allow = endpoint->allow();
    match.handler = endpoint->handler(method);
    match.kind = match.handler != nullptr ? Match::Kind::found : Match::Kind::wrong_method;
    for (std::size_t i = 0; i < values.size(); ++i) match.params[endpoint->names[i]] = std::move(values[i]);
  } else if (impl_->fallback) {
    const bool reads = method == Method::get || method == Method::head;
    match.route = kFallbackRoute;
    match.allow = "GET, HEAD, OPTIONS";
    match.handler = &impl_->fallback;
    match.kind = reads ? Match::Kind::found : Match::Kind::wrong_method;
  }
  return match;
}

std::vector<std::string> Router::routes() const {
  Texts routes;
  collect(impl_->root, routes);
  return routes;
}

}  // namespace dunetrace::http
