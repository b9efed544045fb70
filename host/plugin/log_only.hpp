// Services of tools and tests that have no more than a logger: lines are written, figures are dropped, nobody is
// called. Thread-safe.
#pragma once

#include "plugin/services.hpp"

namespace dunetrace::plugin {

class LogOnly final : public Services {
 public:
  explicit LogOnly(telemetry::Logger& log) : log_(log) {}

  void log(std::string_view component, std::string_view run, telemetry::Level level, std::string_view text) override {
    log_.write(level, "plugin.says", {{"component", component}, {"run", run}, {"message", text}});
  }
  Result<HttpReply> http(std::string_view, const HttpRequest&) override {
    return fail(Code::denied, "this process makes no requests for plugins");
  }
  Result<> counter_add(std::string_view, std::string_view, double) override { return {}; }
  Result<> observe(std::string_view, std::string_view, double) override { return {}; }

 private:
  telemetry::Logger& log_;
};

}  // namespace dunetrace::plugin
