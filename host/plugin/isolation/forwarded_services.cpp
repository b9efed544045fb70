#include "plugin/isolation/forwarded_services.hpp"

#include <unistd.h>

#include <algorithm>

#include "json/writer.hpp"
#include "plugin/isolation/child.hpp"
#include "plugin/isolation/packing.hpp"

namespace dunetrace::plugin {
namespace {

constexpr std::size_t kMaxLogBytes = 2000;
constexpr std::size_t kMaxNameBytes = 200;  // of a run or a component
constexpr std::size_t kMaxErrorBytes = 1000;
constexpr std::uint32_t kMaxHeaders = 100;

void pack(Packer& to, const Error& error) {
  to.u32(static_cast<std::uint32_t>(error.code) + 1).text(std::string_view(error.text).substr(0, kMaxErrorBytes));
}

Error unpack_error(std::uint32_t code, std::string_view text) {
  return {static_cast<Code>(std::min<std::uint32_t>(code - 1, static_cast<std::uint32_t>(Code::internal))),
          std::string(text)};
}

}  // namespace

// The host is gone, and nobody else wants an answer.
Result<Frame> ForwardedServices::ask(Message kind, std::string_view bytes) {
  auto frame = channel_.send(kind, bytes, kNoDeadline).and_then([this] { return channel_.receive(kNoDeadline); });
  if (!frame || frame->kind != Message::service) ::_exit(kNoHost);
  return frame;
}

void ForwardedServices::log(std::string_view component, std::string_view run, telemetry::Level level,
                            std::string_view text) {
  if (++lines_ > kMaxLogLines) return;
  Packer line;
  line.text(component)
      .text(run.substr(0, kMaxNameBytes))
      .u32(static_cast<std::uint32_t>(level))
      .text(text.substr(0, kMaxLogBytes));
  if (!channel_.send(Message::log, line.bytes(), kNoDeadline)) ::_exit(kNoHost);
}

Result<> ForwardedServices::figure(Message kind, std::string_view component, std::string_view name, double value) {
  Packer packed;
  packed.text(component).text(name).f64(value);
  if (packed.bytes().size() > kMaxSmallFrameBytes) return fail(Code::invalid_argument, "the name is too long");
  DUNE_TRY(frame, ask(kind, packed.bytes()));
  Unpacker answer(frame.bytes);
  const auto code = answer.u32();
  if (code == 0) return {};
  return tl::unexpected<Error>(unpack_error(code, answer.text()));
}

Result<> ForwardedServices::counter_add(std::string_view component, std::string_view name, double amount) {
  return figure(Message::counter, component, name, amount);
}

Result<> ForwardedServices::observe(std::string_view component, std::string_view name, double value) {
  return figure(Message::observe, component, name, value);
}

Result<HttpReply> ForwardedServices::http(std::string_view component, const HttpRequest& request) {
  Packer packed;
  packed.text(component).text(request.method).text(request.url).text(request.body).i64(request.timeout.count());
  packed.u32(static_cast<std::uint32_t>(request.headers.size()));
  for (const auto& [name, value] : request.headers) packed.text(name).text(value);
  if (packed.bytes().size() > kMaxFrameBytes) return fail(Code::invalid_argument, "the request is too large");
  DUNE_TRY(frame, ask(Message::http, packed.bytes()));
  Unpacker answer(frame.bytes);
  if (const auto code = answer.u32(); code != 0) return tl::unexpected<Error>(unpack_error(code, answer.text()));
  HttpReply reply;
  reply.status = static_cast<int>(answer.u32());
  reply.body = answer.text();
  if (const auto after = answer.i64(); after >= 0) reply.retry_after = std::chrono::milliseconds(after);
  return reply;
}

namespace {

void answer(Packer& to, Result<> outcome) {
  if (outcome)
    to.u32(0);
  else
    pack(to, outcome.error());
}

Result<HttpReply> exchange(Unpacker& from, std::string_view component, Services& services, Deadline until) {
  HttpRequest request;
  request.method = from.text();
  request.url = from.text();
  request.body = from.text();
  request.timeout = std::chrono::milliseconds(from.i64());
  const auto headers = from.count(2 * sizeof(std::uint32_t));
  for (std::uint32_t i = 0; i < headers && i < kMaxHeaders; ++i) {
    const auto name = from.text();
    request.headers.emplace_back(name, from.text());
  }
  if (!from.done()) return fail(Code::invalid_argument, "no such request can be made");
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
  request.timeout = std::chrono::milliseconds(std::clamp<long long>(request.timeout.count(), 1, std::max(left, 1L)));
  return services.http(component, request);
}

}  // namespace

bool serve(const Frame& frame, Channel& channel, Services* services, Deadline until,
           const std::function<bool(std::string_view)>& allowed) {
  const bool is_figure = frame.kind == Message::counter || frame.kind == Message::observe;
  if (!is_figure && frame.kind != Message::log && frame.kind != Message::http) return false;
  Unpacker from(frame.bytes);
  const auto component = from.text();
  if (!from.ok() || component.size() > kMaxNameBytes || !allowed(component)) return false;
  if (frame.kind == Message::log) {
    const auto run = json::repair_utf8(from.text().substr(0, kMaxNameBytes));
    const auto level = static_cast<telemetry::Level>(std::min(from.u32(), 3U));
    const auto text = json::repair_utf8(from.text().substr(0, kMaxLogBytes));
    if (!from.done()) return false;
    if (services != nullptr) services->log(component, run, level, text);
    return true;
  }
  Packer to;
  if (services == nullptr) {
    pack(to, Error{Code::denied, "not offered here"});
  } else if (frame.kind == Message::http) {
    const auto reply = exchange(from, component, *services, until);
    if (!reply) {
      pack(to, reply.error());
    } else {
      to.u32(0).u32(static_cast<std::uint32_t>(reply->status)).text(reply->body);
      to.i64(reply->retry_after ? reply->retry_after->count() : -1);
    }
  } else {
    const auto name = std::string(from.text());
    const auto value = from.f64();
    if (!from.done()) return false;
    answer(to, frame.kind == Message::counter ? services->counter_add(component, name, value)
                                              : services->observe(component, name, value));
  }
  return channel.send(Message::service, to.bytes(), until).has_value();
}

}  // namespace dunetrace::plugin
