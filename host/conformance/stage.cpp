#include "conformance/stage.hpp"

#include <chrono>
#include <cstddef>

#include "conformance/recorder.hpp"
#include "plugin/take.hpp"

namespace dunetrace::conformance {
namespace {

dune_detector_v1 table_of(const plugin::Component& component) {
  dune_detector_v1 table{};
  const bool ok = plugin::take(component.vtable, table, offsetof(dune_detector_v1, detect) + sizeof(table.detect));
  DUNE_CHECK(ok, "the table was checked when it was described");
  return table;
}

}  // namespace

std::string Judged::text() const {
  std::string out = status == DUNE_OK ? "" : fmt::format("failed ({}) ", error);
  for (const auto& s : signals) {
    out += fmt::format("{} {} {} {} {}\n", s.failure_type, to_text(s.severity), s.confidence, s.step_index, s.evidence);
  }
  return out.empty() ? "no signal" : out;
}

Stage::Stage(const plugin::Component& component, const HostShape& shape)
    : component_(component), shape_(shape), host_(shape, false, host_memory_), table_(table_of(component)) {}

Result<std::unique_ptr<Stage>> Stage::create(const plugin::Component& component, const Values& values,
                                             const HostShape& shape, bool memory_checks) {
  std::unique_ptr<Stage> stage(new Stage(component, shape));
  stage->memory_checks_ = memory_checks;
  auto memory = std::make_unique<GuardedMemory>(kSmall);
  const auto* const config = config_record(values, "default", shape, *memory);
  if (memory_checks) {
    memory->read_only();
    stage->host_memory_.read_only();
  }
  dune_error error{};
  const auto status =
      guarded(error, [&] { return stage->table_.create(stage->host_.raw(), config, &stage->instance_, &error); });
  if (status != DUNE_OK) {
    stage->instance_ = nullptr;
    return fail(Code::invalid_argument, "create(): " + text_of(status, error));
  }
  if (memory_checks) {  // a pointer that was kept into it leads to an unreadable page from now on
    memory->unreadable();
    stage->past_.push_back(std::move(memory));
  }
  return stage;
}

Stage::~Stage() {
  if (instance_ == nullptr) return;
  dune_error ignored{};
  guarded(ignored, [this] {
    table_.destroy(instance_);
    return DUNE_OK;
  });
}

Judged Stage::judge(const dune_run& run, bool cancelled) {
  auto memory = std::make_unique<GuardedMemory>(kSmall);
  Recorder recorder(component_, run.current_step, cancelled, shape_, *memory);
  if (memory_checks_) memory->read_only();
  dune_error error{};
  Judged out;
  const auto started = std::chrono::steady_clock::now();
  out.status = guarded(error, [&] { return table_.detect(instance_, &run, recorder.raw(), &error); });
  out.ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started).count();
  if (out.status != DUNE_OK) out.error = text_of(out.status, error);
  out.signals = std::move(recorder.signals());
  out.breaches = recorder.breaches();
  if (memory_checks_) {
    memory->unreadable();
    past_.push_back(std::move(memory));
  }
  return out;
}

std::string Stage::refusal(const plugin::Component& component, const Values& values) {
  const auto table = table_of(component);
  if (table.validate == nullptr) return {};
  GuardedMemory memory(kSmall);
  const auto* const config = config_record(values, "default", {}, memory);
  dune_error error{};
  const auto status = guarded(error, [&] { return table.validate(config, &error); });
  return status == DUNE_OK ? std::string() : text_of(status, error);
}

}  // namespace dunetrace::conformance
