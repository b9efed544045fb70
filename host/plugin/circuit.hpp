// Spares runs a detector that fails again and again (plugin-abi.md 8): after five failures in a row a component is not
// asked for a minute. One thread.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace dunetrace::plugin {

class Circuit {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr int kFailures = 5;
  static constexpr std::chrono::minutes kOpen{1};

  // Why the component is not to be asked at this time; nothing when it is.
  [[nodiscard]] std::optional<std::string> open(const std::string& component, Time now) const {
    const auto found = lines_.find(component);
    if (found == lines_.end() || now >= found->second.until) return std::nullopt;
    return "not asked for a minute after " + std::to_string(kFailures) +
           " failures in a row, the latest: " + found->second.latest;
  }
  void succeeded(const std::string& component) {
    if (!lines_.empty()) lines_.erase(component);
  }
  void failed(const std::string& component, const std::string& why, Time now) {
    auto& line = lines_[component];
    if (++line.failures < kFailures) return;
    line = {0, why, now + kOpen};
  }

 private:
  struct Line {
    int failures = 0;
    std::string latest{};
    Time until{};
  };
  std::map<std::string, Line> lines_;
};

}  // namespace dunetrace::plugin
