// What plugins in a runner ask of the host, passed on through the socket. One thread.
#pragma once

#include <functional>
#include <string_view>

#include "plugin/isolation/channel.hpp"
#include "plugin/services.hpp"

namespace dunetrace::plugin {

// In the runner.
class ForwardedServices final : public Services {
 public:
  explicit ForwardedServices(Channel& channel) : channel_(channel) {}
  void log(std::string_view component, std::string_view run, telemetry::Level level, std::string_view text) override;
  [[nodiscard]] Result<HttpReply> http(std::string_view component, const HttpRequest& request) override;
  [[nodiscard]] Result<> counter_add(std::string_view component, std::string_view name, double amount) override;
  [[nodiscard]] Result<> observe(std::string_view component, std::string_view name, double value) override;

  // A new message of the host is being answered.
  void begin() { lines_ = 0; }

 private:
  Result<Frame> ask(Message kind, std::string_view bytes);
  Result<> figure(Message kind, std::string_view component, std::string_view name, double value);
  Channel& channel_;
  std::size_t lines_ = 0;
};

// In the host: answers one such message out of `services`. False when it is none, or makes no sense; `allowed` tells
// which components this runner may speak for. `services` may be absent.
[[nodiscard]] bool serve(const Frame& frame, Channel& channel, Services* services, Deadline until,
                         const std::function<bool(std::string_view)>& allowed);

}  // namespace dunetrace::plugin
