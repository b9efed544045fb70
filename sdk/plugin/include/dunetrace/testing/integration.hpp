// dunetrace/testing/integration.hpp - asks an integration for an action in a test, without a network. Header only,
// C++17.
//
//   FakeHost host;
//   const auto answer = invoke<Desk>(host, {{"url", "https://example.com"}}, "open", R"({"title":"x"})", dry_run);
//   // answer.status == DUNE_OK; answer.result["would"] == "…"
#pragma once
#include <dunetrace/integration.hpp>
#include <dunetrace/testing/component.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace dunetrace {
inline namespace v1 {
namespace testing {

enum class How { dry_run, for_real };
constexpr How dry_run = How::dry_run, for_real = How::for_real;

struct Answer {
  dune_status status = DUNE_OK;
  Json result;       // missing when the action failed
  std::string text;  // why it failed
};

inline Answer invoke(const dune_plugin* plugin, const FakeHost& host, Settings settings, std::string_view action,
                     std::string_view input_json, How how, std::string_view idempotency_key = "key-1") {
  const dune_component& component = detail::component_of(plugin, DUNE_IFACE_INTEGRATION_V1);
  const detail::Config config(component, std::move(settings));
  detail::Instance<dune_integration_v1> integration(component, host, config);
  const dune_array actions{integration->actions, integration->action_count, integration->action_stride};
  bool known = false;
  for (std::uint32_t i = 0; i < actions.count; ++i) known |= view(DUNE_AT(actions, dune_action, i)->id) == action;
  if (!known) throw Failed(DUNE_E_INVALID, "there is no action '" + std::string(action) + "'");
  const dune_call call{sizeof(dune_call), how == dry_run ? 1u : 0u, str(action),
                       str(input_json),   str(idempotency_key),     10'000};
  JsonSink result;
  dune_error error{};
  Answer out;
  out.status = integration->invoke(integration.raw(), &call, result.table(), &error);
  out.text = detail::message_of(error);
  if (out.status < 0) return out;
  auto json = result.complete() ? Json::parse(result.text()) : std::nullopt;
  if (!json) throw Failed(DUNE_E_INVALID, std::string(action) + ": the result is not one JSON value: " + result.text());
  out.result = std::move(*json);
  return out;
}
template <class T>
Answer invoke(const FakeHost& host, Settings settings, std::string_view action, std::string_view input_json, How how,
              std::string_view idempotency_key = "key-1") {
  return invoke(dunetrace::detail::IntegrationThunk<T>::plugin(), host, std::move(settings), action, input_json, how,
                idempotency_key);
}

}  // namespace testing
}  // namespace v1
}  // namespace dunetrace
