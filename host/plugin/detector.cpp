#include "plugin/detector.hpp"

#include <dunetrace/plugin.h>
#include <fmt/format.h>

#include <cstddef>

#include "plugin/calls.hpp"
#include "plugin/host_services.hpp"
#include "plugin/log_only.hpp"
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

}  // namespace

struct Detector::Impl {
  const Entry entry;
  DetectorOptions options;
  std::unique_ptr<Services> own_services;  // for callers that have none
  Services& services;
  HostServices host;
  dune_detector_v1 table;
  Instance instance;

  Impl(const Entry& e, DetectorOptions o, Services& s, std::unique_ptr<Services> own)
      : entry(e),
        options(std::move(o)),
        own_services(std::move(own)),
        services(s),
        host(*e.component, services),
        table(table_of(e.component->vtable)),
        instance(table.destroy) {}
};

Detector::Detector(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Detector::Detector(Detector&&) noexcept = default;
Detector& Detector::operator=(Detector&&) noexcept = default;
Detector::~Detector() = default;

const Component& Detector::component() const { return *impl_->entry.component; }

Result<Detector> Detector::create(const Entry& entry, DetectorOptions options, telemetry::Logger& log) {
  auto services = std::make_unique<LogOnly>(log);
  auto& use = *services;
  return make(std::make_unique<Impl>(entry, std::move(options), use, std::move(services)));
}

Result<Detector> Detector::create(const Entry& entry, DetectorOptions options, Services& services) {
  return make(std::make_unique<Impl>(entry, std::move(options), services, nullptr));
}

Result<Detector> Detector::make(std::unique_ptr<Impl> impl) {
  const ConfigValues config(impl->options.values, impl->options.category);
  dune_error error{};
  bool threw = false;
  const auto status = impl->instance.make(impl->table.create, impl->host.raw(), config.raw(), error, &threw);
  if (status != DUNE_OK) {
    return fail(threw ? Code::internal : Code::invalid_argument,
                fmt::format("{}: create: {}", impl->entry.component->schema.id, reason(status, error)));
  }
  return Detector(std::move(impl));
}

Result<std::vector<Signal>> Detector::detect(const dune_run& run) {
  using Clock = std::chrono::steady_clock;
  const auto started = Clock::now();
  Sink sink(*impl_->entry.component, run.current_step, [&] { return Clock::now() - started > impl_->options.timeout; });
  dune_error error{};
  bool threw = false;
  impl_->host.set_run(view(run.run_id));
  const auto status = guarded(
      error, [&] { return impl_->table.detect(impl_->instance.get(), &run, sink.raw(), &error); }, &threw);
  impl_->host.set_run({});
  // A violation first: a plugin that hands on what emit() answered does not make a mere failure of it.
  if (!sink.violation().empty()) return fail(Code::invalid_argument, sink.violation());
  if (status < 0) return fail(threw ? Code::invalid_argument : Code::internal, reason(status, error));
  if (const auto took = Clock::now() - started; took > impl_->options.timeout) {
    const auto took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    impl_->services.log(impl_->entry.component->schema.id, view(run.run_id), telemetry::Level::warn,
                        fmt::format("slow: took {} ms, {} are allowed", took_ms, impl_->options.timeout.count()));
  }
  for (auto& signal : sink.signals()) signal.detector_version = impl_->entry.library->version;
  return std::move(sink.signals());
}

std::function<std::optional<std::string>(std::span<const config::ParamValue>)> parameter_check(
    const Component& component) {
  const auto table = table_of(component.vtable);
  if (table.validate == nullptr) return {};
  return [validate = table.validate](std::span<const config::ParamValue> values) -> std::optional<std::string> {
    const ConfigValues config(values, {});
    dune_error error{};
    const auto status = guarded(error, [&] { return validate(config.raw(), &error); });
    if (status == DUNE_OK) return std::nullopt;
    return reason(status, error);
  };
}

}  // namespace dunetrace::plugin
