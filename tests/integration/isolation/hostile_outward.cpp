// The worst destination and the worst integration: what each call does is what its parameter says. Honest deeds are
// among them, so that both ways of running it can be compared.
#include <dunetrace/ext/metrics.h>
#include <dunetrace/plugin.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

namespace {

constexpr dune_str str(const char* text) { return {text, std::char_traits<char>::length(text)}; }

struct State {
  const dune_host* host;
  std::string deed;
};

volatile int sink_of_values = 0;

dune_status say(dune_error* error, dune_status status, const std::string& text) {
  error->code = status;
  error->message_len = static_cast<std::uint32_t>(text.size());
  std::memcpy(error->message, text.data(), text.size());
  return status;
}

dune_status exchange(const State& state, dune_error* error) {
  const auto* const http =
      static_cast<const dune_host_http_v1*>(state.host->get_extension(state.host, str(DUNE_EXT_HOST_HTTP_V1)));
  if (http == nullptr) return say(error, DUNE_E_INTERNAL, "no http");
  dune_http_request request{};
  request.struct_size = sizeof request;
  request.method = str("POST");
  request.url = str("https://a/b");
  request.body = str("body");
  const dune_header header{str("X-A"), str("1")};
  request.headers = &header;
  request.header_count = 1;
  dune_http_response response{};
  response.struct_size = sizeof response;
  const auto status = http->send(state.host, &request, &response, error);
  if (status != DUNE_OK) return status;
  return say(error, DUNE_OK,
             "HTTP " + std::to_string(response.status) + " " + std::string(response.body.ptr, response.body.len));
}

dune_status tell(const State& state) {
  state.host->log(state.host, DUNE_LOG_WARN, str("said this"));
  const auto* const metrics =
      static_cast<const dune_host_metrics_v1*>(state.host->get_extension(state.host, str(DUNE_EXT_HOST_METRICS_V1)));
  return metrics == nullptr ? DUNE_E_INTERNAL : metrics->counter_add(state.host, str("deeds"), 2);
}

dune_status act(const State& state, dune_error* error) {
  const auto& deed = state.deed;
  if (deed == "crash") *reinterpret_cast<volatile int*>(static_cast<std::uintptr_t>(sink_of_values)) = 1;
  if (deed == "hang")
    for (;;) sink_of_values = 0;
  if (deed == "exit") ::_exit(0);
  if (deed == "socket") return ::socket(AF_INET, SOCK_STREAM, 0) < 0 ? DUNE_E_IO : DUNE_OK;
  if (deed == "throw") throw std::runtime_error("no");
  if (deed == "fail") return say(error, DUNE_E_IO, "the desk is closed");
  if (deed == "garbage") {
    const std::string bytes(1000, '\xFF');
    ::send(3, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  if (deed == "http") return exchange(state, error);
  if (deed == "tell") return tell(state);
  return DUNE_OK;
}

dune_status create(const dune_host* host, const dune_config* config, void** out, dune_error* error) {
  const std::string deed(config->values[0].as.s.ptr, config->values[0].as.s.len);
  if (deed == "crash_in_create") std::abort();
  if (deed == "refuse") return say(error, DUNE_E_CONFIG, "not like this");
  *out = new State{host, deed};
  return DUNE_OK;
}

void destroy(void* instance) { delete static_cast<State*>(instance); }

dune_status deliver(void* instance, const dune_alert_batch* batch, dune_delivery* out, dune_error* error) {
  const auto& state = *static_cast<State*>(instance);
  if (state.deed == "retry") {
    out->retry_after_ms = 2500;
    return say(error, DUNE_RETRY_LATER, "later");
  }
  if (state.deed == "reject") return say(error, DUNE_REJECTED, "never");
  if (state.deed == "unknown") return 77;
  if (state.deed == "first_title") {
    const auto& alert = *DUNE_AT(batch->alerts, dune_alert, 0);
    return say(error, DUNE_DELIVERED,
               std::string(alert.title.ptr, alert.title.len) + "/" +
                   std::string(alert.fixes[0].code.ptr, alert.fixes[0].code.len));
  }
  return act(state, error);
}

dune_status invoke(void* instance, const dune_call* call, dune_json* result, dune_error* error) {
  const auto& state = *static_cast<State*>(instance);
  const auto status = act(state, error);
  if (status != DUNE_OK || state.deed == "no_result") return status;
  result->begin_object(result);
  result->key(result, str("given"));
  result->raw(result, call->input_json);
  result->end_object(result);
  return DUNE_OK;
}

dune_param_spec deed_parameter() {
  dune_param_spec spec{};
  spec.struct_size = sizeof spec;
  spec.name = str("deed");
  spec.type = DUNE_VALUE_STRING;
  spec.def.type = DUNE_VALUE_STRING;
  spec.def.as.s = str("none");
  spec.doc = str("What every call does.");
  return spec;
}

const dune_action kAction = {sizeof(dune_action),         0, str("act"), str("Act"), str("Does the deed."),
                             str("{\"type\":\"object\"}")};
const dune_alert_v1 kAlert = {sizeof(dune_alert_v1), 5, create, destroy, deliver};
const dune_integration_v1 kIntegration = {
    sizeof(dune_integration_v1), 1, &kAction, sizeof(dune_action), 0, create, destroy, invoke};

}  // namespace

extern "C" DUNE_EXPORT const dune_plugin* dune_plugin_entry_v1(void) {
  static const dune_param_spec param = deed_parameter();
  static const dune_component components[] = {
      {sizeof(dune_component), 0, str(DUNE_IFACE_ALERT_V1), str("worst_post"), str("Worst post"), str("Does harm."),
       &param, 1, sizeof(dune_param_spec), &kAlert, nullptr},
      {sizeof(dune_component), 0, str(DUNE_IFACE_INTEGRATION_V1), str("worst_desk"), str("Worst desk"),
       str("Does harm."), &param, 1, sizeof(dune_param_spec), &kIntegration, nullptr}};
  static const dune_plugin plugin = {
      DUNE_MAGIC,  DUNE_ABI_MAJOR, DUNE_ABI_MINOR, sizeof(dune_plugin), 0, str("test.outward"),
      str("Test"), str("6.6.6"),   str("MIT"),     components,          2, sizeof(dune_component)};
  return &plugin;
}
