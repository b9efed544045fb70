#include "cli/plugin_services.hpp"

#include <algorithm>
#include <cmath>

namespace dunetrace::cli {
namespace {

constexpr std::size_t kMostNames = 16;
constexpr std::size_t kLongestName = 64;
constexpr double kMostAtOnce = 1e15;  // whole numbers are exact up to here

// Nobody knows what a plugin measures: three buckets per decade-and-a-half, from a thousandth to a million.
std::vector<double> any_buckets() {
  return {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10'000, 100'000, 1'000'000};
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && name.front() >= 'a' && name.front() <= 'z' &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

tl::unexpected<Error> wrong(std::string text) { return fail(Code::invalid_argument, std::move(text)); }

std::vector<http::AllowedOrigin> listed(const std::vector<http::Origin>& origins) {
  std::vector<http::AllowedOrigin> out;
  for (const auto& origin : origins) out.push_back({origin, true});
  return out;
}

}  // namespace

Result<http::Origin> operator_origin(const std::string& text) {
  auto origin = http::origin_of(text);
  if (!origin) return tl::unexpected<Error>(std::move(origin).error());
  // A path would look as if it were a limit.
  const auto after_host = text.find_first_of("/?#", text.find("://") + 3);
  if (after_host != std::string::npos && text.substr(after_host) != "/") {
    return wrong("expected scheme, host and port only, as in " + http::to_text(*origin));
  }
  return origin;
}

ProcessServices::ProcessServices(telemetry::Logger& log, telemetry::Metrics& metrics, const http::Outbound& outbound,
                                 const std::vector<http::Origin>& operator_list)
    : log_(log), metrics_(metrics), outbound_(outbound), operator_list_(listed(operator_list)) {}

void ProcessServices::admit(const std::string& component, std::span<const config::ParamValue> values) {
  std::vector<http::AllowedOrigin> own;
  const auto consider = [&own](const std::string& text) {
    if (const auto origin = http::origin_of(text)) own.push_back({*origin, false});
  };
  for (const auto& value : values) {
    if (const auto* text = std::get_if<std::string>(&value)) consider(*text);
    if (const auto* list = std::get_if<std::vector<std::string>>(&value)) std::ranges::for_each(*list, consider);
  }
  const std::lock_guard lock(mutex_);
  own_.insert_or_assign(component, std::move(own));
}

void ProcessServices::log(std::string_view component, std::string_view run, telemetry::Level level,
                          std::string_view text) {
  log_.write(level, "plugin.says", {{"component", component}, {"run", run}, {"message", text}});
}

Result<plugin::HttpReply> ProcessServices::http(std::string_view component, const plugin::HttpRequest& request) {
  auto allowed = operator_list_;
  {
    const std::lock_guard lock(mutex_);
    const auto own = own_.find(component);
    // Whoever asks from a process of its own may be anybody: a detector is never admitted.
    if (own == own_.end()) return fail(Code::denied, "this component makes no requests");
    allowed.insert(allowed.end(), own->second.begin(), own->second.end());
  }
  auto reply = outbound_.send(
      {std::string(component), request.method, request.url, request.headers, request.body, request.timeout}, allowed);
  if (!reply) return tl::unexpected<Error>(std::move(reply).error());
  return plugin::HttpReply{reply->status, std::move(reply->body), reply->retry_after};
}

// With the mutex held.
Result<ProcessServices::Figure*> ProcessServices::figure(std::string_view component, std::string_view name,
                                                         bool counter) {
  if (!is_name(name)) return wrong("a metric's name is lower_snake_case and has at most 64 bytes");
  const auto full = "dunetrace_plugin_" + std::string(component) + "_" + std::string(name);
  if (const auto found = figures_.find(full); found != figures_.end()) {
    if (found->second.component != component) return wrong(full + " belongs to another component");
    if ((found->second.counter != nullptr) != counter) return wrong(full + " is of the other kind");
    return &found->second;
  }
  // A name of another type would be the end of the process.
  if (metrics_.has(full)) return wrong(full + " is a figure of the host's own");
  auto& count = names_[std::string(component)];
  if (count >= kMostNames) return fail(Code::denied, "a component has at most 16 metrics");
  Figure made{std::string(component), nullptr, nullptr, 0};
  const auto help = "Of the plugin component " + std::string(component);
  if (counter) {
    made.counter = &metrics_.counter(full, help);
  } else {
    // Its _sum, _count and _bucket are names of their own on the page.
    made.histogram = &metrics_.histogram(full, help, any_buckets());
  }
  ++count;
  return &figures_.emplace(full, std::move(made)).first->second;
}

Result<> ProcessServices::counter_add(std::string_view component, std::string_view name, double amount) {
  if (!std::isfinite(amount) || amount < 0 || amount > kMostAtOnce) return wrong("a counter takes 0 to 1e15 at once");
  const std::lock_guard lock(mutex_);
  DUNE_TRY(to, figure(component, name, true));
  const double whole = std::floor(to->rest + amount);
  to->rest += amount - whole;
  to->counter->add(static_cast<std::uint64_t>(whole));
  return {};
}

Result<> ProcessServices::observe(std::string_view component, std::string_view name, double value) {
  if (!std::isfinite(value)) return wrong("a histogram takes finite numbers");
  const std::lock_guard lock(mutex_);
  DUNE_TRY(to, figure(component, name, false));
  to->histogram->observe(value);
  return {};
}

}  // namespace dunetrace::cli
