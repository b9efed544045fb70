// Reads one variable at a time with its type and limits, keeps where each came from and collects what is wrong.
// Internal to config/; used by Settings::from.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/environment.hpp"
#include "config/names.hpp"
#include "config/settings.hpp"

namespace dunetrace::config {

class SettingReader {
 public:
  explicit SettingReader(const Environment& env) : env_(env) {}

  std::string text(std::string_view name, std::string_view fallback);
  std::string secret(std::string_view name);
  // One of `choices`, in any case; returns the choice as written here.
  std::string choice(std::string_view name, std::string_view fallback, std::span<const std::string> choices);
  bool flag(std::string_view name, bool fallback);
  std::int64_t integer(std::string_view name, std::int64_t fallback, std::int64_t least, std::int64_t most,
                       std::string_view unit = "");
  template <std::integral T>
  T whole(std::string_view name, T fallback, T least, T most, std::string_view unit = "") {
    return static_cast<T>(integer(name, static_cast<std::int64_t>(fallback), static_cast<std::int64_t>(least),
                                  static_cast<std::int64_t>(most), unit));
  }
  Settings::Seconds seconds(std::string_view name, double fallback, double least, double most);
  // Comma-separated, blanks around the parts and empty parts dropped.
  std::vector<std::string> list(std::string_view name, std::string_view fallback = {});

  // For a rule that a caller checks itself.
  void wrong(std::string_view name, std::string_view expected);
  void wrong_secret(std::string_view name, std::string_view expected);

  [[nodiscard]] const Problems& problems() const { return problems_; }
  [[nodiscard]] std::vector<SettingOrigin> take_origins() { return std::move(origins_); }

 private:
  void report(std::string_view name, std::string_view expected, bool is_secret);
  std::optional<std::string> find(std::string_view name, std::string_view fallback, bool is_secret);

  const Environment& env_;
  Problems problems_;
  std::vector<std::string> reported_;
  std::vector<SettingOrigin> origins_;
};

}  // namespace dunetrace::config
