/* Names every type of the contract in a signature, so that abidiff sees those reached through void* only. */
#include <dunetrace/plugin.h>
#include <dunetrace/ext/clock.h>
#include <dunetrace/ext/json.h>
#include <dunetrace/ext/metrics.h>

DUNE_EXPORT void anchor_dune_str(const dune_str *value);
void anchor_dune_str(const dune_str *value) { (void)value; }
DUNE_EXPORT void anchor_dune_array(const dune_array *value);
void anchor_dune_array(const dune_array *value) { (void)value; }
DUNE_EXPORT void anchor_dune_error(const dune_error *value);
void anchor_dune_error(const dune_error *value) { (void)value; }
DUNE_EXPORT void anchor_dune_value(const dune_value *value);
void anchor_dune_value(const dune_value *value) { (void)value; }
DUNE_EXPORT void anchor_dune_param_spec(const dune_param_spec *value);
void anchor_dune_param_spec(const dune_param_spec *value) { (void)value; }
DUNE_EXPORT void anchor_dune_config(const dune_config *value);
void anchor_dune_config(const dune_config *value) { (void)value; }
DUNE_EXPORT void anchor_dune_host(const dune_host *value);
void anchor_dune_host(const dune_host *value) { (void)value; }
DUNE_EXPORT void anchor_dune_json(const dune_json *value);
void anchor_dune_json(const dune_json *value) { (void)value; }
DUNE_EXPORT void anchor_dune_tool_call(const dune_tool_call *value);
void anchor_dune_tool_call(const dune_tool_call *value) { (void)value; }
DUNE_EXPORT void anchor_dune_llm_call(const dune_llm_call *value);
void anchor_dune_llm_call(const dune_llm_call *value) { (void)value; }
DUNE_EXPORT void anchor_dune_retrieval(const dune_retrieval *value);
void anchor_dune_retrieval(const dune_retrieval *value) { (void)value; }
DUNE_EXPORT void anchor_dune_event(const dune_event *value);
void anchor_dune_event(const dune_event *value) { (void)value; }
DUNE_EXPORT void anchor_dune_external_signal(const dune_external_signal *value);
void anchor_dune_external_signal(const dune_external_signal *value) { (void)value; }
DUNE_EXPORT void anchor_dune_step_duration(const dune_step_duration *value);
void anchor_dune_step_duration(const dune_step_duration *value) { (void)value; }
DUNE_EXPORT void anchor_dune_run(const dune_run *value);
void anchor_dune_run(const dune_run *value) { (void)value; }
DUNE_EXPORT void anchor_dune_signal(const dune_signal *value);
void anchor_dune_signal(const dune_signal *value) { (void)value; }
DUNE_EXPORT void anchor_dune_sink(const dune_sink *value);
void anchor_dune_sink(const dune_sink *value) { (void)value; }
DUNE_EXPORT void anchor_dune_fix(const dune_fix *value);
void anchor_dune_fix(const dune_fix *value) { (void)value; }
DUNE_EXPORT void anchor_dune_template(const dune_template *value);
void anchor_dune_template(const dune_template *value) { (void)value; }
DUNE_EXPORT void anchor_dune_explain_in(const dune_explain_in *value);
void anchor_dune_explain_in(const dune_explain_in *value) { (void)value; }
DUNE_EXPORT void anchor_dune_explain_out(const dune_explain_out *value);
void anchor_dune_explain_out(const dune_explain_out *value) { (void)value; }
DUNE_EXPORT void anchor_dune_detector_v1(const dune_detector_v1 *value);
void anchor_dune_detector_v1(const dune_detector_v1 *value) { (void)value; }
DUNE_EXPORT void anchor_dune_alert(const dune_alert *value);
void anchor_dune_alert(const dune_alert *value) { (void)value; }
DUNE_EXPORT void anchor_dune_alert_batch(const dune_alert_batch *value);
void anchor_dune_alert_batch(const dune_alert_batch *value) { (void)value; }
DUNE_EXPORT void anchor_dune_header(const dune_header *value);
void anchor_dune_header(const dune_header *value) { (void)value; }
DUNE_EXPORT void anchor_dune_http_request(const dune_http_request *value);
void anchor_dune_http_request(const dune_http_request *value) { (void)value; }
DUNE_EXPORT void anchor_dune_http_response(const dune_http_response *value);
void anchor_dune_http_response(const dune_http_response *value) { (void)value; }
DUNE_EXPORT void anchor_dune_host_http_v1(const dune_host_http_v1 *value);
void anchor_dune_host_http_v1(const dune_host_http_v1 *value) { (void)value; }
DUNE_EXPORT void anchor_dune_delivery(const dune_delivery *value);
void anchor_dune_delivery(const dune_delivery *value) { (void)value; }
DUNE_EXPORT void anchor_dune_alert_v1(const dune_alert_v1 *value);
void anchor_dune_alert_v1(const dune_alert_v1 *value) { (void)value; }
DUNE_EXPORT void anchor_dune_action(const dune_action *value);
void anchor_dune_action(const dune_action *value) { (void)value; }
DUNE_EXPORT void anchor_dune_call(const dune_call *value);
void anchor_dune_call(const dune_call *value) { (void)value; }
DUNE_EXPORT void anchor_dune_integration_v1(const dune_integration_v1 *value);
void anchor_dune_integration_v1(const dune_integration_v1 *value) { (void)value; }
DUNE_EXPORT void anchor_dune_component(const dune_component *value);
void anchor_dune_component(const dune_component *value) { (void)value; }
DUNE_EXPORT void anchor_dune_plugin(const dune_plugin *value);
void anchor_dune_plugin(const dune_plugin *value) { (void)value; }
DUNE_EXPORT void anchor_dune_host_clock_v1(const dune_host_clock_v1 *value);
void anchor_dune_host_clock_v1(const dune_host_clock_v1 *value) { (void)value; }
DUNE_EXPORT void anchor_dune_host_json_v1(const dune_host_json_v1 *value);
void anchor_dune_host_json_v1(const dune_host_json_v1 *value) { (void)value; }
DUNE_EXPORT void anchor_dune_host_metrics_v1(const dune_host_metrics_v1 *value);
void anchor_dune_host_metrics_v1(const dune_host_metrics_v1 *value) { (void)value; }
DUNE_EXPORT void anchor_dune_status(const dune_status *value);
void anchor_dune_status(const dune_status *value) { (void)value; }
DUNE_EXPORT void anchor_dune_entry_fn(const dune_entry_fn *value);
void anchor_dune_entry_fn(const dune_entry_fn *value) { (void)value; }
const dune_plugin *dune_plugin_entry_v1(void) { return NULL; }
