#include "telemetry/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/result.hpp"

namespace dunetrace::telemetry {
namespace {

std::string escape(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && quotes)
      out += "\\\"";
    else
      out.push_back(c);
  }
  return out;
}

std::string number(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", v);
}

// {a="x",b="y"} with an optional extra label; nothing when there is none.
std::string label_text(const Labels& labels, std::string_view extra_name = {}, std::string_view extra_value = {}) {
  std::string out;
  const auto add = [&out](std::string_view name, std::string_view value) {
    out += out.empty() ? "{" : ",";
    out += fmt::format("{}=\"{}\"", name, escape(value, true));
  };
  for (const auto& [name, value] : labels) add(name, value);
  if (!extra_name.empty()) add(extra_name, extra_value);
  if (!out.empty()) out += "}";
  return out;
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), buckets_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {
  DUNE_CHECK(std::ranges::is_sorted(bounds_), "histogram bounds must rise");
}

void Histogram::observe(double v) {
  const auto at = std::ranges::lower_bound(bounds_, v) - bounds_.begin();
  buckets_[static_cast<std::size_t>(at)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(v, std::memory_order_relaxed);
}

std::vector<std::uint64_t> Histogram::counts() const {
  std::vector<std::uint64_t> out(bounds_.size() + 1);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = buckets_[i].load(std::memory_order_relaxed);
  return out;
}

std::vector<double> latency_buckets() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

Metrics::Series& Metrics::series(std::string_view name, std::string_view help, std::string_view type, Labels labels) {
  auto found = families_.find(name);
  if (found == families_.end()) {
    found = families_.emplace(std::string(name), Family{std::string(help), std::string(type), {}}).first;
  }
  auto& family = found->second;
  DUNE_CHECK(family.type == type, "a metric name has one type");
  for (auto& s : family.series) {
    if (s->labels == labels) return *s;
  }
  family.series.push_back(std::make_unique<Series>());
  family.series.back()->labels = std::move(labels);
  return *family.series.back();
}

Counter& Metrics::counter(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  auto& s = series(name, help, "counter", std::move(labels));
  if (!s.counter) s.counter = std::make_unique<Counter>();
  return *s.counter;
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  auto& s = series(name, help, "gauge", std::move(labels));
  if (!s.gauge) s.gauge = std::make_unique<Gauge>();
  return *s.gauge;
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, std::vector<double> bounds, Labels labels) {
  const std::lock_guard lock(mutex_);
  auto& s = series(name, help, "histogram", std::move(labels));
  if (!s.histogram) s.histogram = std::make_unique<Histogram>(std::move(bounds));
  return *s.histogram;
}

void Metrics::gauge_from(std::string_view name, std::string_view help, std::function<double()> read, Labels labels) {
  const std::lock_guard lock(mutex_);
  series(name, help, "gauge", std::move(labels)).read = std::move(read);
}

bool Metrics::has(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return families_.find(name) != families_.end();
}

std::string Metrics::text() const {
  std::vector<std::pair<const Series*, std::function<double()>>> readers;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, family] : families_) {
      for (const auto& s : family.series) {
        if (s->read) readers.emplace_back(s.get(), s->read);
      }
    }
  }
  std::map<const Series*, double> read;
  for (const auto& [series, ask] : readers) read[series] = ask();
  std::string out;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, family] : families_) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escape(family.help, false), name, family.type);
    for (const auto& s : family.series) {
      if (s->counter) out += fmt::format("{}{} {}\n", name, label_text(s->labels), s->counter->value());
      if (s->gauge) out += fmt::format("{}{} {}\n", name, label_text(s->labels), number(s->gauge->value()));
      if (const auto found = read.find(s.get()); found != read.end()) {
        out += fmt::format("{}{} {}\n", name, label_text(s->labels), number(found->second));
      }
      if (!s->histogram) continue;
      const auto counts = s->histogram->counts();
      std::uint64_t total = 0;
      for (std::size_t i = 0; i < counts.size(); ++i) {
        total += counts[i];
        const auto le = i < s->histogram->bounds().size() ? number(s->histogram->bounds()[i]) : "+Inf";
        out += fmt::format("{}_bucket{} {}\n", name, label_text(s->labels, "le", le), total);
      }
      out += fmt::format("{}_sum{} {}\n", name, label_text(s->labels), number(s->histogram->sum()));
      out += fmt::format("{}_count{} {}\n", name, label_text(s->labels), total);
    }
  }
  return out;
}

}  // namespace dunetrace::telemetry
