#include "telemetry/metrics.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace dunetrace::telemetry {
namespace {

TEST(Metrics, WritesTheTextFormat) {
  Metrics metrics;
  metrics.counter("c_total", "Counts \\ things\nhere", {{"code", "2\"00"}}).add(3);
  metrics.gauge("g", "Now").set(1.5);
  auto& times = metrics.histogram("h_seconds", "Times", {0.5, 1});
  times.observe(0.5);
  times.observe(0.7);
  times.observe(9);
  metrics.gauge_from("asked", "Asked when read", [] { return 7.0; });
  EXPECT_EQ(metrics.text(),
            "# HELP asked Asked when read\n# TYPE asked gauge\nasked 7\n"
            "# HELP c_total Counts \\\\ things\\nhere\n# TYPE c_total counter\nc_total{code=\"2\\\"00\"} 3\n"
            "# HELP g Now\n# TYPE g gauge\ng 1.5\n"
            "# HELP h_seconds Times\n# TYPE h_seconds histogram\n"
            "h_seconds_bucket{le=\"0.5\"} 1\nh_seconds_bucket{le=\"1\"} 2\nh_seconds_bucket{le=\"+Inf\"} 3\n"
            "h_seconds_sum 10.2\nh_seconds_count 3\n");
}

TEST(Metrics, SameNameAndLabelsAreOneSeries) {
  Metrics metrics;
  auto& first = metrics.counter("c_total", "", {{"a", "1"}});
  EXPECT_EQ(&first, &metrics.counter("c_total", "", {{"a", "1"}}));
  EXPECT_NE(&first, &metrics.counter("c_total", "", {{"a", "2"}}));
}

TEST(Metrics, AsksReadersWithoutHoldingTheLock) {
  Metrics metrics;
  metrics.gauge_from("asked", "", [&metrics] {
    metrics.counter("made_while_reading_total", "").add();  // would wait for ever
    return 1.0;
  });
  EXPECT_NE(metrics.text().find("asked 1"), std::string::npos);
}

TEST(Metrics, CountsFromManyThreads) {
  Metrics metrics;
  auto& counter = metrics.counter("c_total", "");
  auto& times = metrics.histogram("h", "", latency_buckets());
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 10'000; ++i) {
          counter.add();
          times.observe(0.001);
        }
      });
    }
  }
  EXPECT_EQ(counter.value(), 40'000U);
  EXPECT_NEAR(times.sum(), 40.0, 1e-6);
}

}  // namespace
}  // namespace dunetrace::telemetry
