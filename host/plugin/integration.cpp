#include "plugin/integration.hpp"

#include <dunetrace/plugin.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "config/secrets.hpp"
#include "json/reader.hpp"
#include "plugin/calls.hpp"
#include "plugin/host_services.hpp"
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

}  // namespace

struct Integration::Impl {
  const Entry entry;
  HostServices host;
  dune_integration_v1 table;
  json::Parser parser;
  Instance instance;

  Impl(const Entry& e, Services& services)
      : entry(e), host(*e.component, services), table(table_of(e.component->vtable)), instance(table.destroy) {}

  Result<> check(const ActionCall& call) {
    const auto& schema = entry.component->schema;
    const auto& actions = entry.component->actions;
    if (std::ranges::find(actions, call.action, &Action::id) == actions.end()) {
      std::string known;
      for (const auto& action : actions) known += (known.empty() ? "" : ", ") + action.id;
      return fail(Code::not_found,
                  fmt::format("{}: no action '{}'; expected one of {}", schema.id, call.action, known));
    }
    if (call.input.size() > kMaxInputBytes) {
      return fail(Code::invalid_argument, fmt::format("{}: {}: the input has {} bytes, at most {} are taken", schema.id,
                                                      call.action, call.input.size(), kMaxInputBytes));
    }
    const auto input = parser.parse(call.input);
    if (!input || !input->is_object()) {
      return fail(Code::invalid_argument, fmt::format("{}: {}: the input is no JSON object{}", schema.id, call.action,
                                                      input ? "" : ": " + input.error().text));
    }
    return {};
  }

  // The text the plugin wrote, when it is one JSON value that others can read and store.
  Result<std::string> result_of(JsonOut& out) {
    if (out.oversize()) return fail(Code::internal, fmt::format("the result is larger than {} bytes", kMaxResultBytes));
    if (!out.writer().complete()) return fail(Code::internal, "the result is not one complete JSON value");
    auto text = out.writer().take();
    const auto parsed = parser.parse(text);
    if (!parsed) return fail(Code::internal, "the result is no JSON: " + parsed.error().text);
    if (auto repaired = json::storable(text)) text = std::move(*repaired);
    return text;
  }
};

Integration::Integration(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Integration::Integration(Integration&&) noexcept = default;
Integration& Integration::operator=(Integration&&) noexcept = default;
Integration::~Integration() = default;

const Component& Integration::component() const { return *impl_->entry.component; }

Result<Integration> Integration::create(const Entry& entry, std::vector<config::ParamValue> values,
                                        Services& services) {
  auto impl = std::make_unique<Impl>(entry, services);
  const ConfigValues config(values, {});
  dune_error error{};
  const auto status = impl->instance.make(impl->table.create, impl->host.raw(), config.raw(), error);
  config::wipe_secrets(entry.component->schema, values);
  if (status != DUNE_OK) {
    return fail(Code::invalid_argument,
                fmt::format("{}: create: {}", entry.component->schema.id, reason(status, error)));
  }
  return Integration(std::move(impl));
}

Result<std::string> Integration::invoke(const ActionCall& call) {
  DUNE_TRY_VOID(impl_->check(call));
  dune_call record{};
  record.struct_size = sizeof record;
  record.dry_run = call.dry_run ? 1 : 0;
  record.action = to_str(call.action);
  record.input_json = to_str(call.input);
  record.idempotency_key = to_str(call.idempotency_key);
  record.deadline_ms = call.deadline.count();
  JsonOut out(kMaxResultBytes);
  dune_error error{};
  impl_->host.set_deadline(std::chrono::steady_clock::now() + call.deadline);
  const auto status =
      guarded(error, [&] { return impl_->table.invoke(impl_->instance.get(), &record, out.raw(), &error); });
  impl_->host.set_deadline(std::nullopt);
  const auto where = component().schema.id + ": " + call.action;
  if (status < 0) return tl::unexpected<Error>(Error{code_of(status), reason(status, error)}.in(where));
  auto result = impl_->result_of(out);
  if (!result) return tl::unexpected<Error>(std::move(result).error().in(where));
  return result;
}

}  // namespace dunetrace::plugin
