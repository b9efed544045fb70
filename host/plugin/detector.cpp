#include "plugin/detector.hpp"

#include <dunetrace/plugin.h>
#include <fmt/format.h>

#include <cstddef>
#include <exception>

#include "json/writer.hpp"
#include "plugin/host_services.hpp"
#include "plugin/sink.hpp"
#include "plugin/take.hpp"

namespace dunetrace::plugin {
namespace {

dune_detector_v1 table_of(const void* vtable) {
  dune_detector_v1 table{};
  const bool ok = take(vtable, table, offsetof(dune_detector_v1, detect) + sizeof(table.detect));
  DUNE_CHECK(ok, "the detector table was checked when it was described");
  return table;
}

// The plugin's text of a failure, repaired; a neutral one when it gave none.
std::string reason(dune_status status, const dune_error& error) {
  const auto length = std::min<std::size_t>(error.message_len, sizeof error.message);
  if (length == 0) return fmt::format("failed with status {}", status);
  return json::repair_utf8({error.message, length});
}

// dune_config over host values; borrows their texts.
class Config {
 public:
  Config(std::span<const config::ParamValue> values, std::string_view category) {
    lists_.reserve(values.size());
    for (const auto& value : values) values_.push_back(convert(value));
    config_ = {sizeof config_, static_cast<std::uint32_t>(values_.size()), values_.data(), to_str(category)};
  }
  [[nodiscard]] const dune_config* raw() const { return &config_; }

 private:
  dune_value convert(const config::ParamValue& value) {
    dune_value out{};
    out.type = static_cast<std::uint32_t>(value.index()) + DUNE_VALUE_BOOL;
    if (const auto* b = std::get_if<bool>(&value)) out.as.i = *b ? 1 : 0;
    if (const auto* i = std::get_if<std::int64_t>(&value)) out.as.i = *i;
    if (const auto* f = std::get_if<double>(&value)) out.as.f = *f;
    if (const auto* s = std::get_if<std::string>(&value)) out.as.s = to_str(*s);
    if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
      auto& items = lists_.emplace_back();
      for (const auto& item : *list) items.push_back(to_str(item));
      out.as.list = {items.data(), static_cast<std::uint32_t>(items.size()), sizeof(dune_str)};
    }
    return out;
  }

  std::vector<std::vector<dune_str>> lists_;
  std::vector<dune_value> values_;
  dune_config config_{};
};

// A plugin built by hand may let an exception out. Where it can be caught at all it becomes a failure.
template <class F>
dune_status guarded(dune_error& error, F call) {
  try {
    return call();
  } catch (const std::exception& thrown) {
    error.message_len = static_cast<std::uint32_t>(
        fmt::format_to_n(error.message, sizeof error.message, "threw an exception: {}", thrown.what()).size);
  } catch (...) {
    error.message_len = static_cast<std::uint32_t>(
        fmt::format_to_n(error.message, sizeof error.message, "threw an unknown exception").size);
  }
  return DUNE_E_INTERNAL;
}

}  // namespace

struct Detector::Impl {
  const Entry entry;
  DetectorOptions options;
  telemetry::Logger& log;
  HostServices host;
  dune_detector_v1 table;
  void* instance = nullptr;

  Impl(const Entry& e, DetectorOptions o, telemetry::Logger& logger)
      : entry(e),
        options(std::move(o)),
        log(logger),
        host(e.component->schema.id, logger),
        table(table_of(e.component->vtable)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (instance == nullptr) return;
    dune_error ignored{};
    guarded(ignored, [this] {
      table.destroy(instance);
      return DUNE_OK;
    });
  }
};

Detector::Detector(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Detector::Detector(Detector&&) noexcept = default;
Detector& Detector::operator=(Detector&&) noexcept = default;
Detector::~Detector() = default;

const Component& Detector::component() const { return *impl_->entry.component; }

Result<Detector> Detector::create(const Entry& entry, DetectorOptions options, telemetry::Logger& log) {
  auto impl = std::make_unique<Impl>(entry, std::move(options), log);
  const Config config(impl->options.values, impl->options.category);
  dune_error error{};
  const auto status =
      guarded(error, [&] { return impl->table.create(impl->host.raw(), config.raw(), &impl->instance, &error); });
  if (status != DUNE_OK) {
    impl->instance = nullptr;  // a failing create hands nothing over
    return fail(Code::invalid_argument,
                fmt::format("{}: create: {}", entry.component->schema.id, reason(status, error)));
  }
  return Detector(std::move(impl));
}

Result<std::vector<Signal>> Detector::detect(const RunView& run) {
  using Clock = std::chrono::steady_clock;
  const auto started = Clock::now();
  Sink sink(*impl_->entry.component, run.raw().current_step,
            [&] { return Clock::now() - started > impl_->options.timeout; });
  dune_error error{};
  impl_->host.set_run(view(run.raw().run_id));
  const auto status =
      guarded(error, [&] { return impl_->table.detect(impl_->instance, &run.raw(), sink.raw(), &error); });
  impl_->host.set_run({});
  if (status < 0) return fail(Code::internal, reason(status, error));
  if (!sink.violation().empty()) return fail(Code::internal, sink.violation());
  if (const auto took = Clock::now() - started; took > impl_->options.timeout) {
    impl_->log.warn("plugin.slow", {{"component", impl_->entry.component->schema.id},
                                    {"took_ms", std::chrono::duration_cast<std::chrono::milliseconds>(took).count()}});
  }
  for (auto& signal : sink.signals()) signal.detector_version = impl_->entry.library->version;
  return std::move(sink.signals());
}

std::function<std::optional<std::string>(std::span<const config::ParamValue>)> parameter_check(
    const Component& component) {
  const auto table = table_of(component.vtable);
  if (table.validate == nullptr) return {};
  return [validate = table.validate](std::span<const config::ParamValue> values) -> std::optional<std::string> {
    const Config config(values, {});
    dune_error error{};
    const auto status = guarded(error, [&] { return validate(config.raw(), &error); });
    if (status == DUNE_OK) return std::nullopt;
    return reason(status, error);
  };
}

}  // namespace dunetrace::plugin
