// A host for frozen plugins that writes down what they ask of it, and answers HTTP as the test says. One thread.
#pragma once

#include <fmt/format.h>

#include <deque>
#include <string>
#include <vector>

#include "plugin/services.hpp"

namespace dunetrace::abi {

class RecordedServices final : public plugin::Services {
 public:
  std::deque<Result<plugin::HttpReply>> replies;  // of the next exchanges; 200 when there are none

  void log(std::string_view component, std::string_view run, telemetry::Level level, std::string_view text) override {
    note(fmt::format("log {} {} run '{}': {}", component, static_cast<int>(level), run, text));
  }
  [[nodiscard]] Result<plugin::HttpReply> http(std::string_view component,
                                               const plugin::HttpRequest& request) override {
    note(fmt::format("http {} {} {} within {} ms", component, request.method, request.url, request.timeout.count()));
    for (const auto& [name, value] : request.headers) note(fmt::format("  {}: {}", name, value));
    std::string_view body = request.body;
    while (!body.empty()) {
      const auto end = std::min(body.find('\n'), body.size());
      note(fmt::format("  | {}", body.substr(0, end)));
      body.remove_prefix(std::min(end + 1, body.size()));
    }
    if (replies.empty()) return plugin::HttpReply{200, "{\"ok\":true}", {}};
    auto reply = std::move(replies.front());
    replies.pop_front();
    return reply;
  }
  [[nodiscard]] Result<> counter_add(std::string_view component, std::string_view name, double amount) override {
    note(fmt::format("counter {} {} {}", component, name, amount));
    return {};
  }
  [[nodiscard]] Result<> observe(std::string_view component, std::string_view name, double value) override {
    note(fmt::format("histogram {} {} {}", component, name, value >= 0 ? "a duration" : "nonsense"));
    return {};
  }
  [[nodiscard]] std::string take() { return std::exchange(text_, {}); }

 private:
  void note(const std::string& line) { text_ += line + "\n"; }
  std::string text_;
};

}  // namespace dunetrace::abi
