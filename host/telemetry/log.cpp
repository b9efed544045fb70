#include "telemetry/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "json/writer.hpp"

namespace dunetrace::telemetry {
namespace {

constexpr int kRepeatsPerSecond = 20;  // enough to see a pattern, too few to fill a disk

std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warning";
    case Level::error:
      return "error";
  }
  return "info";
}

std::string utc_now() {
  const auto now = std::chrono::system_clock::now();
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  const std::time_t seconds = us / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const auto n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + n, sizeof text - n, ".%06dZ", static_cast<int>(us % 1'000'000));
  return text;
}

void add(json::Writer& line, const Field& field) {
  line.key(field.name());
  std::visit(
      [&line](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string_view>) line.string(value);
        if constexpr (std::is_same_v<T, std::int64_t>) line.integer(value);
        if constexpr (std::is_same_v<T, double>) line.real(value);
        if constexpr (std::is_same_v<T, bool>) line.boolean(value);
      },
      field.value());
}

}  // namespace

Result<Level> level_from(std::string_view text) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (upper == "DEBUG" || upper == "TRACE") return Level::debug;
  if (upper == "INFO") return Level::info;
  if (upper == "WARN" || upper == "WARNING") return Level::warn;
  if (upper == "ERROR" || upper == "CRITICAL") return Level::error;
  return fail(Code::invalid_argument, "'" + std::string(text) + "' is not one of DEBUG, INFO, WARNING, ERROR");
}

struct Logger::Impl {
  struct Rate {
    std::time_t second = 0;
    int count = 0;
    std::int64_t dropped = 0;
  };
  std::unique_ptr<spdlog::logger> out;
  Level least = Level::info;
  std::mutex mutex;
  std::unordered_map<std::string, Rate> rates;
  std::vector<std::pair<std::string, bool>> constant;

  void add_constant(json::Writer& line) {
    const std::lock_guard lock(mutex);
    for (const auto& [name, value] : constant) line.field(name, value);
  }

  // The number of lines dropped before this one, or -1 when this one is dropped too.
  std::int64_t admit(std::string_view event) {
    const std::time_t now = std::time(nullptr);
    const std::lock_guard lock(mutex);
    auto& rate = rates[std::string(event)];
    if (rate.second != now) {
      rate.second = now;
      rate.count = 0;
    }
    if (++rate.count > kRepeatsPerSecond) {
      ++rate.dropped;
      return -1;
    }
    return std::exchange(rate.dropped, 0);
  }
};

Logger::Logger(Level least, const std::string& path) : impl_(std::make_unique<Impl>()) {
  spdlog::sink_ptr sink;
  if (path.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
  }
  impl_->out = std::make_unique<spdlog::logger>("dunetrace", std::move(sink));
  impl_->out->set_pattern("%v");  // the line is ours: spdlog's patterns do not escape
  impl_->out->set_level(spdlog::level::trace);
  impl_->out->flush_on(spdlog::level::trace);
  impl_->least = least;
}

Logger::~Logger() = default;

void Logger::write(Level level, std::string_view event, Fields fields) {
  if (level < impl_->least) return;
  const auto dropped = impl_->admit(event);
  if (dropped < 0) return;
  json::Writer line;
  line.begin_object();
  line.key("ts");
  line.string(utc_now());
  line.key("level");
  line.string(name_of(level));
  line.key("event");
  line.string(event);
  impl_->add_constant(line);
  for (const auto& field : fields) add(line, field);
  if (dropped > 0) {
    line.key("repeats_dropped");
    line.integer(dropped);
  }
  line.end_object();
  impl_->out->info("{}", line.text());
}

void Logger::always(std::string_view name, bool value) {
  const std::lock_guard lock(impl_->mutex);
  for (const auto& [known, was] : impl_->constant) {
    if (known == name) return;
  }
  impl_->constant.emplace_back(name, value);
}

void Logger::flush() { impl_->out->flush(); }

}  // namespace dunetrace::telemetry
