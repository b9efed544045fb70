#include "conformance/adapters.hpp"

#include <cstddef>

#include "conformance/guarded_call.hpp"
#include "conformance/recorder.hpp"
#include "plugin/take.hpp"

namespace dunetrace::conformance {
namespace {

using plugin::to_str;

template <class T>
Result<LifeCalls> calls_of(const void* vtable, std::size_t minimum) {
  T table{};
  if (!plugin::take(vtable, table, minimum) || table.create == nullptr || table.destroy == nullptr) {
    return fail(Code::invalid_argument, "the function table is smaller than version 1.0 has it, or lacks a function");
  }
  return LifeCalls{table.create, table.destroy};
}

#define DUNE_END_OF(type, field) (offsetof(type, field) + sizeof(type::field))

}  // namespace

Result<LifeCalls> LifeCalls::of(const plugin::Component& component) {
  if (component.interface == DUNE_IFACE_ALERT_V1) {
    return calls_of<dune_alert_v1>(component.vtable, DUNE_END_OF(dune_alert_v1, deliver));
  }
  if (component.interface == DUNE_IFACE_INTEGRATION_V1) {
    return calls_of<dune_integration_v1>(component.vtable, DUNE_END_OF(dune_integration_v1, invoke));
  }
  return calls_of<dune_detector_v1>(component.vtable, DUNE_END_OF(dune_detector_v1, detect));
}

Maker::Maker(const plugin::Component& component, const Values& values, const HostShape& shape)
    : host_(shape, component.interface != DUNE_IFACE_DETECTOR_V1, memory_),
      config_(config_record(values, "default", shape, memory_)),
      calls_(LifeCalls::of(component)) {}

std::string Maker::make_and_destroy() {
  if (!calls_) return calls_.error().text;
  void* instance = nullptr;
  dune_error error{};
  const auto status = guarded(error, [&] { return calls_->create(host_.raw(), config_, &instance, &error); });
  if (status != DUNE_OK) return "create(): " + text_of(status, error);
  const auto ended = guarded(error, [&] {
    calls_->destroy(instance);
    return DUNE_OK;
  });
  return ended == DUNE_OK ? std::string() : "destroy(): " + text_of(ended, error);
}

Instance::Instance(const plugin::Component& component, const HostShape& shape)
    : component_(component), shape_(shape), host_(shape, true, memory_) {}

Result<std::unique_ptr<Instance>> Instance::create(const plugin::Component& component, const Values& values,
                                                   const HostShape& shape) {
  std::unique_ptr<Instance> out(new Instance(component, shape));
  DUNE_TRY(calls, LifeCalls::of(component));
  out->calls_ = calls;
  GuardedMemory memory(kSmall);
  const auto* const config = config_record(values, "default", shape, memory);
  dune_error error{};
  const auto status = guarded(error, [&] { return calls.create(out->host_.raw(), config, &out->instance_, &error); });
  if (status != DUNE_OK) {
    out->instance_ = nullptr;
    return fail(Code::invalid_argument, "create(): " + text_of(status, error));
  }
  return out;
}

Instance::~Instance() {
  if (instance_ == nullptr) return;
  dune_error ignored{};
  guarded(ignored, [this] {
    calls_.destroy(instance_);
    return DUNE_OK;
  });
}

Instance::Done Instance::deliver(const std::vector<dune_alert>& alerts, std::string_view key) {
  dune_alert_v1 table{};
  const bool ok = plugin::take(component_.vtable, table, DUNE_END_OF(dune_alert_v1, deliver));
  DUNE_CHECK(ok, "the table was checked when the instance was made");
  GuardedMemory memory;
  const std::size_t stride = sizeof(dune_alert) + shape_.padding;
  auto* const to = static_cast<unsigned char*>(memory.take(stride * alerts.size()));
  std::memset(to, kFiller, stride * alerts.size());
  for (std::size_t i = 0; i < alerts.size(); ++i) std::memcpy(to + i * stride, &alerts[i], sizeof(dune_alert));
  const dune_alert_batch batch{sizeof batch,
                               1,
                               {memory.copy(key), key.size()},
                               {to, static_cast<std::uint32_t>(alerts.size()), static_cast<std::uint32_t>(stride)},
                               10'000};
  const auto* const given = place(batch, shape_, memory);
  auto* const delivery = place(dune_delivery{sizeof(dune_delivery), 0, 0}, shape_, memory);
  host_.sent.clear();
  host_.breaches.clear();
  dune_error error{};
  Done out;
  out.status = guarded(error, [&] { return table.deliver(instance_, given, delivery, &error); });
  if (out.status < 0) out.error = text_of(out.status, error);
  out.retry_after_ms = delivery->retry_after_ms;
  out.breaches = host_.breaches;
  return out;
}

Instance::Done Instance::invoke(std::string_view action, std::string_view input, bool dry_run) {
  dune_integration_v1 table{};
  const bool ok = plugin::take(component_.vtable, table, DUNE_END_OF(dune_integration_v1, invoke));
  DUNE_CHECK(ok, "the table was checked when the instance was made");
  GuardedMemory memory;
  const dune_call call{sizeof call,
                       dry_run ? 1U : 0U,
                       {memory.copy(action), action.size()},
                       {memory.copy(input), input.size()},
                       to_str("key-1"),
                       10'000};
  const auto* const given = place(call, shape_, memory);
  ResultWriter result(shape_, memory);
  host_.sent.clear();
  host_.breaches.clear();
  dune_error error{};
  Done out;
  out.status = guarded(error, [&] { return table.invoke(instance_, given, result.raw(), &error); });
  if (out.status < 0) out.error = text_of(out.status, error);
  out.result = result.written().text();
  out.whole = result.written().complete();
  out.breaches = host_.breaches;
  out.breaches.insert(out.breaches.end(), result.breaches().begin(), result.breaches().end());
  return out;
}

}  // namespace dunetrace::conformance
