// Log lines: one JSON object per line on stderr (or a given file), a constant event name and typed fields, never a
// payload or a secret. Repeats of one event name above 20 a second are dropped and counted. Thread-safe.
//   log.warn("plugin.failed", {{"component", id}, {"run", run_id}, {"strikes", 3}});
// error = someone must act; warn = degraded by itself; info = state changes; debug = off by default.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "core/result.hpp"

namespace dunetrace::telemetry {

enum class Level : std::uint8_t { debug, info, warn, error };

// DEBUG, INFO, WARNING (or WARN), ERROR in any case.
[[nodiscard]] Result<Level> level_from(std::string_view text);

class Field {
 public:
  using Value = std::variant<std::string_view, std::int64_t, double, bool>;
  Field(std::string_view name, std::string_view value) : name_(name), value_(value) {}
  Field(std::string_view name, const std::string& value) : name_(name), value_(std::string_view(value)) {}
  Field(std::string_view name, const char* value) : name_(name), value_(std::string_view(value)) {}
  Field(std::string_view name, bool value) : name_(name), value_(value) {}
  Field(std::string_view name, double value) : name_(name), value_(value) {}
  template <class T>
  requires std::is_integral_v<T> Field(std::string_view name, T value)
      : name_(name), value_(static_cast<std::int64_t>(value)) {}
  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] const Value& value() const { return value_; }

 private:
  std::string_view name_;
  Value value_;
};

class Logger {
 public:
  using Fields = std::initializer_list<Field>;

  // Lines go to stderr, or are appended to `path` when it is not empty.
  explicit Logger(Level least, const std::string& path = {});
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  void debug(std::string_view event, Fields fields = {}) { write(Level::debug, event, fields); }
  void info(std::string_view event, Fields fields = {}) { write(Level::info, event, fields); }
  void warn(std::string_view event, Fields fields = {}) { write(Level::warn, event, fields); }
  void error(std::string_view event, Fields fields = {}) { write(Level::error, event, fields); }
  void write(Level level, std::string_view event, Fields fields);
  void flush();

  // A field of every line from now on, after the event's name; a second call with its name changes nothing.
  void always(std::string_view name, bool value);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunetrace::telemetry
