#include "plugin/integration.hpp"

#include <dunetrace/plugin.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "config/secrets.hpp"
#include "plugin/calls.hpp"
#include "plugin/host_services.hpp"
#include "plugin/isolation/outward.hpp"
#include "plugin/json_out.hpp"
#include "plugin/take.hpp"

namespace dunetrace::plugin {
namespace {

constexpr std::size_t kMaxInputBytes = 1024 * 1024;
constexpr std::size_t kMaxResultBytes = 1024 * 1024;

dune_integration_v1 table_of(const void* vtable) {
  dune_integration_v1 table{};
  const bool ok = take(vtable, table, offsetof(dune_integration_v1, invoke) + sizeof(table.invoke));
  DUNE_CHECK(ok, "the integration table was checked when it was described");
  return table;
}

Code code_of(dune_status status) {
  switch (status) {
    case DUNE_E_INVALID:
    case DUNE_E_CONFIG:
      return Code::invalid_argument;
    case DUNE_E_DENIED:
      return Code::denied;
    case DUNE_E_TIMEOUT:
      return Code::timeout;
    case DUNE_E_IO:
      return Code::unavailable;
    default:
      return Code::internal;
  }
}

class Here final : public Integration::Way {
 public:
  Here(const Entry& entry, Services& services)
      : component_(*entry.component),
        host_(component_, services),
        table_(table_of(component_.vtable)),
        instance_(table_.destroy) {}
  dune_status make(const dune_config* config, dune_error& error) {
    return instance_.make(table_.create, host_.raw(), config, error);
  }
  Result<std::string> invoke(const ActionCall& call) override;

 private:
  Result<std::string> result_of(JsonOut& out) {
    if (out.oversize()) return fail(Code::internal, fmt::format("the result is larger than {} bytes", kMaxResultBytes));
    if (!out.writer().complete()) return fail(Code::internal, "the result is not one complete JSON value");
    return check_result(out.writer().take(), parser_);
  }

  const Component& component_;
  HostServices host_;
  dune_integration_v1 table_;
  json::Parser parser_;
  Instance instance_;
};

Result<std::string> Here::invoke(const ActionCall& call) {
  DUNE_TRY_VOID(check_call(component_, call, parser_));
  dune_call record{};
  record.struct_size = sizeof record;
  record.dry_run = call.dry_run ? 1 : 0;
  record.action = to_str(call.action);
  record.input_json = to_str(call.input);
  record.idempotency_key = to_str(call.idempotency_key);
  record.deadline_ms = call.deadline.count();
  JsonOut out(kMaxResultBytes);
  dune_error error{};
  host_.set_deadline(std::chrono::steady_clock::now() + call.deadline);
  const auto status = guarded(error, [&] { return table_.invoke(instance_.get(), &record, out.raw(), &error); });
  host_.set_deadline(std::nullopt);
  const auto where = component_.schema.id + ": " + call.action;
  if (status < 0) return tl::unexpected<Error>(Error{code_of(status), reason(status, error)}.in(where));
  auto result = result_of(out);
  if (!result) return tl::unexpected<Error>(std::move(result).error().in(where));
  return result;
}

}  // namespace

Result<> check_call(const Component& component, const ActionCall& call, json::Parser& parser) {
  const auto& id = component.schema.id;
  if (std::ranges::find(component.actions, call.action, &Action::id) == component.actions.end()) {
    std::string known;
    for (const auto& action : component.actions) known += (known.empty() ? "" : ", ") + action.id;
    return fail(Code::not_found, fmt::format("{}: no action '{}'; expected one of {}", id, call.action, known));
  }
  if (call.input.size() > kMaxInputBytes) {
    return fail(Code::invalid_argument, fmt::format("{}: {}: the input has {} bytes, at most {} are taken", id,
                                                    call.action, call.input.size(), kMaxInputBytes));
  }
  const auto input = parser.parse(call.input);
  if (!input || !input->is_object()) {
    return fail(Code::invalid_argument, fmt::format("{}: {}: the input is no JSON object{}", id, call.action,
                                                    input ? "" : ": " + input.error().text));
  }
  return {};
}

Result<std::string> check_result(std::string text, json::Parser& parser) {
  if (text.size() > kMaxResultBytes)
    return fail(Code::internal, fmt::format("the result is larger than {} bytes", kMaxResultBytes));
  const auto parsed = parser.parse(text);
  if (!parsed) return fail(Code::internal, "the result is no JSON: " + parsed.error().text);
  if (auto repaired = json::storable(text)) text = std::move(*repaired);
  return text;
}

Integration::Integration(const Entry& entry, std::unique_ptr<Way> way) : entry_(entry), way_(std::move(way)) {}
Integration::Integration(Integration&&) noexcept = default;
Integration& Integration::operator=(Integration&&) noexcept = default;
Integration::~Integration() = default;

Result<Integration> Integration::create(const Entry& entry, std::vector<config::ParamValue> values,
                                        Services& services) {
  if (entry.component->vtable == nullptr) return fail(Code::denied, entry.component->schema.id + ": is isolated");
  auto here = std::make_unique<Here>(entry, services);
  const ConfigValues config(values, {});
  dune_error error{};
  const auto status = here->make(config.raw(), error);
  config::wipe_secrets(entry.component->schema, values);
  if (status != DUNE_OK) {
    return fail(Code::invalid_argument,
                fmt::format("{}: create: {}", entry.component->schema.id, reason(status, error)));
  }
  return Integration(entry, std::move(here));
}

Result<Integration> Integration::create(const Entry& entry, std::vector<config::ParamValue> values, Services& services,
                                        const Outward& how) {
  if (entry.library->mode == Mode::in_process) return create(entry, std::move(values), services);
  DUNE_TRY(way, outside_integration(entry, std::move(values), services, how));
  return Integration(entry, std::move(way));
}

Result<std::string> Integration::invoke(const ActionCall& call) { return way_->invoke(call); }

}  // namespace dunetrace::plugin
