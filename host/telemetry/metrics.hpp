// Counters, gauges and histograms in Prometheus text format (contracts/conventions.md). A metric is made once, with
// every label value it can have where those are known, and exists from then on. Thread-safe; adding is lock-free.
//   auto& accepted = metrics.counter("dunetrace_ingest_events_total", "Events by outcome", {{"outcome", "accepted"}});
//   accepted.add(7);
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunetrace::telemetry {

using Labels = std::vector<std::pair<std::string, std::string>>;

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(double v) { value_.store(v, std::memory_order_relaxed); }
  [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Histogram {
 public:
  // Upper bounds in rising order; +Inf is added.
  explicit Histogram(std::vector<double> bounds);
  void observe(double v);
  [[nodiscard]] const std::vector<double>& bounds() const { return bounds_; }
  // Per bucket, not cumulative; the last one is +Inf.
  [[nodiscard]] std::vector<std::uint64_t> counts() const;
  [[nodiscard]] double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> buckets_;
  std::atomic<double> sum_{0};
};

// 1 ms … 10 s, for anything that is timed in seconds.
[[nodiscard]] std::vector<double> latency_buckets();

class Metrics {
 public:
  // The same name and labels give the same object; it lives as long as the Metrics.
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds, Labels labels = {});
  // A gauge that is asked when /metrics is read, on the thread that reads it: the function must not block (no database,
  // no I/O), is thread-safe and outlives the Metrics. It is called without any lock held here.
  void gauge_from(std::string_view name, std::string_view help, std::function<double()> read, Labels labels = {});

  // Whether somebody has made a metric of this name already.
  [[nodiscard]] bool has(std::string_view name) const;

  // The text format, version 0.0.4.
  [[nodiscard]] std::string text() const;

 private:
  struct Series {
    Labels labels;
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Gauge> gauge;
    std::unique_ptr<Histogram> histogram;
    std::function<double()> read;
  };
  struct Family {
    std::string help;
    std::string type;
    std::vector<std::unique_ptr<Series>> series;
  };
  Series& series(std::string_view name, std::string_view help, std::string_view type, Labels labels);

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace dunetrace::telemetry
