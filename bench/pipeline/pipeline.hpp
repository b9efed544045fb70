// The detection pipeline as the detect role runs it, worker by worker, until nothing is due.
#pragma once

#include <memory>
#include <string>

#include "core/clock.hpp"
#include "plugin/generation.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::load {

struct Judged {
  double seconds = 0;
  std::uint64_t runs = 0;
};

class Pipeline {
 public:
  explicit Pipeline(telemetry::Logger& log);
  // `workers` threads, each with a worker of its own, claiming `batch` runs at once. Only runs that have ended are due.
  [[nodiscard]] Judged drain(const std::string& url, int workers, int batch) const;

 private:
  telemetry::Logger& log_;
  SystemClock clock_;
  std::unique_ptr<plugin::Live> live_;
};

}  // namespace dunetrace::load
