// The plugin ABI, version 1.0, for Rust: generated from dunetrace/plugin.h and dunetrace/ext/*.h, which say what
// everything means. Do not edit: a test compares this file with the headers.
#![allow(non_camel_case_types, dead_code)]
use core::ffi::c_void;
use core::mem::{align_of, offset_of, size_of};

pub type dune_status = i32;
pub type dune_entry_fn = Option<unsafe extern "C" fn() -> *const dune_plugin>;

pub const DUNE_OK: dune_status = 0;
pub const DUNE_E_INVALID: dune_status = -1;
pub const DUNE_E_CONFIG: dune_status = -2;
pub const DUNE_E_UNSUPPORTED: dune_status = -3;
pub const DUNE_E_DENIED: dune_status = -4;
pub const DUNE_E_TIMEOUT: dune_status = -5;
pub const DUNE_E_CANCELLED: dune_status = -6;
pub const DUNE_E_LIMIT: dune_status = -7;
pub const DUNE_E_IO: dune_status = -8;
pub const DUNE_E_INTERNAL: dune_status = -9;
pub const DUNE_VALUE_NONE: u32 = 0;
pub const DUNE_VALUE_BOOL: u32 = 1;
pub const DUNE_VALUE_INT: u32 = 2;
pub const DUNE_VALUE_FLOAT: u32 = 3;
pub const DUNE_VALUE_STRING: u32 = 4;
pub const DUNE_VALUE_STRING_LIST: u32 = 5;
pub const DUNE_PARAM_REQUIRED: u32 = 1;
pub const DUNE_PARAM_SECRET: u32 = 2;
pub const DUNE_PARAM_DEPRECATED: u32 = 4;
pub const DUNE_LOG_TRACE: u32 = 0;
pub const DUNE_LOG_DEBUG: u32 = 1;
pub const DUNE_LOG_INFO: u32 = 2;
pub const DUNE_LOG_WARN: u32 = 3;
pub const DUNE_LOG_ERROR: u32 = 4;
pub const DUNE_TOOL_HAS_SUCCESS: u32 = 1;
pub const DUNE_TOOL_HAS_LATENCY: u32 = 2;
pub const DUNE_TOOL_HAS_OUTPUT_LENGTH: u32 = 4;
pub const DUNE_LLM_HAS_PROMPT_TOKENS: u32 = 1;
pub const DUNE_LLM_HAS_COMPLETION_TOKENS: u32 = 2;
pub const DUNE_LLM_HAS_LATENCY: u32 = 4;
pub const DUNE_LLM_HAS_OUTPUT_LENGTH: u32 = 8;
pub const DUNE_RETRIEVAL_HAS_TOP_SCORE: u32 = 1;
pub const DUNE_EVENT_OTHER: u32 = 0;
pub const DUNE_EVENT_RUN_STARTED: u32 = 1;
pub const DUNE_EVENT_RUN_COMPLETED: u32 = 2;
pub const DUNE_EVENT_RUN_ERRORED: u32 = 3;
pub const DUNE_EVENT_LLM_CALLED: u32 = 4;
pub const DUNE_EVENT_LLM_RESPONDED: u32 = 5;
pub const DUNE_EVENT_TOOL_CALLED: u32 = 6;
pub const DUNE_EVENT_TOOL_RESPONDED: u32 = 7;
pub const DUNE_EVENT_RETRIEVAL_CALLED: u32 = 8;
pub const DUNE_EVENT_RETRIEVAL_RESPONDED: u32 = 9;
pub const DUNE_EVENT_EXTERNAL_SIGNAL: u32 = 10;
pub const DUNE_EVENT_POLICY_TRIGGERED: u32 = 11;
pub const DUNE_RUN_HAS_BASELINE_P75_STEPS: u32 = 1;
pub const DUNE_RUN_IS_COMPLETE: u32 = 2;
pub const DUNE_RUN_IS_TRUNCATED: u32 = 4;
pub const DUNE_RUN_HAS_BASELINE_P75_TOOL_LATENCY: u32 = 8;
pub const DUNE_RUN_HAS_BASELINE_P75_LLM_LATENCY: u32 = 16;
pub const DUNE_RUN_HAS_BASELINE_P75_TOKEN_GROWTH: u32 = 32;
pub const DUNE_RUN_HAS_BASELINE_P75_LLM_TOOL_RATIO: u32 = 64;
pub const DUNE_SEVERITY_LOW: u32 = 1;
pub const DUNE_SEVERITY_MEDIUM: u32 = 2;
pub const DUNE_SEVERITY_HIGH: u32 = 3;
pub const DUNE_SEVERITY_CRITICAL: u32 = 4;
pub const DUNE_DELIVERED: dune_status = 0;
pub const DUNE_RETRY_LATER: dune_status = 1;
pub const DUNE_REJECTED: dune_status = 2;
pub const DUNE_JSON_ABSENT: dune_status = 1;
pub const DUNE_JSON_OTHER_TYPE: dune_status = 2;
pub const DUNE_JSON_TYPE_NULL: u32 = 0;
pub const DUNE_JSON_TYPE_BOOL: u32 = 1;
pub const DUNE_JSON_TYPE_INT: u32 = 2;
pub const DUNE_JSON_TYPE_FLOAT: u32 = 3;
pub const DUNE_JSON_TYPE_STRING: u32 = 4;
pub const DUNE_JSON_TYPE_ARRAY: u32 = 5;
pub const DUNE_JSON_TYPE_OBJECT: u32 = 6;
pub const DUNE_ABI_MAJOR: u16 = 1;
pub const DUNE_ABI_MINOR: u16 = 0;
pub const DUNE_MAGIC: u32 = 827608644;
pub const DUNE_IFACE_DETECTOR_V1: &str = "dune.detector/1";
pub const DUNE_EXT_HOST_HTTP_V1: &str = "dune.host.http/1";
pub const DUNE_IFACE_ALERT_V1: &str = "dune.alert/1";
pub const DUNE_IFACE_INTEGRATION_V1: &str = "dune.integration/1";
pub const DUNE_EXT_HOST_CLOCK_V1: &str = "dune.host.clock/1";
pub const DUNE_EXT_HOST_JSON_V1: &str = "dune.host.json/1";
pub const DUNE_EXT_HOST_METRICS_V1: &str = "dune.host.metrics/1";

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_str {
    pub ptr: *const u8,
    pub len: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_array {
    pub data: *const c_void,
    pub count: u32,
    pub stride: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_error {
    pub code: dune_status,
    pub message_len: u32,
    pub message: [u8; 504],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union dune_value_as {
    pub i: i64,
    pub f: f64,
    pub s: dune_str,
    pub list: dune_array,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_value {
    pub r#type: u32,
    pub reserved: u32,
    pub r#as: dune_value_as,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_param_spec {
    pub struct_size: u32,
    pub flags: u32,
    pub name: dune_str,
    pub r#type: u32,
    pub reserved: u32,
    pub def: dune_value,
    pub min: dune_value,
    pub max: dune_value,
    pub choices: dune_array,
    pub unit: dune_str,
    pub doc: dune_str,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_config {
    pub struct_size: u32,
    pub value_count: u32,
    pub values: *const dune_value,
    pub category: dune_str,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_host {
    pub struct_size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub r#impl: *mut c_void,
    pub name: dune_str,
    pub version: dune_str,
    pub log: Option<unsafe extern "C" fn(*const dune_host, u32, dune_str)>,
    pub get_extension: Option<unsafe extern "C" fn(*const dune_host, dune_str) -> *const c_void>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_json {
    pub struct_size: u32,
    pub reserved: u32,
    pub r#impl: *mut c_void,
    pub begin_object: Option<unsafe extern "C" fn(*mut dune_json)>,
    pub end_object: Option<unsafe extern "C" fn(*mut dune_json)>,
    pub begin_array: Option<unsafe extern "C" fn(*mut dune_json)>,
    pub end_array: Option<unsafe extern "C" fn(*mut dune_json)>,
    pub key: Option<unsafe extern "C" fn(*mut dune_json, dune_str)>,
    pub str: Option<unsafe extern "C" fn(*mut dune_json, dune_str)>,
    pub i64: Option<unsafe extern "C" fn(*mut dune_json, i64)>,
    pub f64: Option<unsafe extern "C" fn(*mut dune_json, f64)>,
    pub boolean: Option<unsafe extern "C" fn(*mut dune_json, u32)>,
    pub null: Option<unsafe extern "C" fn(*mut dune_json)>,
    pub raw: Option<unsafe extern "C" fn(*mut dune_json, dune_str)>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_tool_call {
    pub has: u32,
    pub step_index: i32,
    pub ts: f64,
    pub tool_name: dune_str,
    pub args_hash: dune_str,
    pub error_hash: dune_str,
    pub latency_ms: i64,
    pub output_length: i64,
    pub success: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_llm_call {
    pub has: u32,
    pub step_index: i32,
    pub ts: f64,
    pub model: dune_str,
    pub finish_reason: dune_str,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    pub latency_ms: i64,
    pub output_length: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_retrieval {
    pub has: u32,
    pub step_index: i32,
    pub ts: f64,
    pub index_name: dune_str,
    pub result_count: i64,
    pub top_score: f64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_event {
    pub has: u32,
    pub step_index: i32,
    pub ts: f64,
    pub kind: u32,
    pub reserved: u32,
    pub r#type: dune_str,
    pub payload_json: dune_str,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_external_signal {
    pub has: u32,
    pub step_index: i32,
    pub ts: f64,
    pub name: dune_str,
    pub source: dune_str,
    pub meta_json: dune_str,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_step_duration {
    pub has: u32,
    pub step_index: i32,
    pub ts: f64,
    pub kind: u32,
    pub reserved: u32,
    pub r#type: dune_str,
    pub duration_ms: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_run {
    pub struct_size: u32,
    pub has: u32,
    pub run_id: dune_str,
    pub agent_id: dune_str,
    pub agent_version: dune_str,
    pub category: dune_str,
    pub parent_run_id: dune_str,
    pub exit_reason: dune_str,
    pub input_hash: dune_str,
    pub current_step: i32,
    pub reserved: u32,
    pub baseline_p75_steps: f64,
    pub baseline_p75_tool_latency_ms: f64,
    pub baseline_p75_llm_latency_ms: f64,
    pub baseline_p75_token_growth: f64,
    pub baseline_p75_llm_tool_ratio: f64,
    pub available_tools: dune_array,
    pub tool_calls: dune_array,
    pub llm_calls: dune_array,
    pub retrievals: dune_array,
    pub events: dune_array,
    pub external_signals: dune_array,
    pub step_durations: dune_array,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_signal {
    pub struct_size: u32,
    pub severity: u32,
    pub r#type: dune_str,
    pub confidence: f64,
    pub step_index: i32,
    pub reserved: u32,
    pub evidence_json: dune_str,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_sink {
    pub struct_size: u32,
    pub reserved: u32,
    pub r#impl: *mut c_void,
    pub evidence: *mut dune_json,
    pub emit: Option<unsafe extern "C" fn(*mut dune_sink, *const dune_signal) -> dune_status>,
    pub cancelled: Option<unsafe extern "C" fn(*mut dune_sink) -> u32>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_fix {
    pub description: dune_str,
    pub language: dune_str,
    pub code: dune_str,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_template {
    pub struct_size: u32,
    pub fix_count: u32,
    pub signal_type: dune_str,
    pub title: dune_str,
    pub what: dune_str,
    pub why_it_matters: dune_str,
    pub evidence_summary: dune_str,
    pub fixes: *const dune_fix,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_explain_in {
    pub struct_size: u32,
    pub severity: u32,
    pub signal_type: dune_str,
    pub run_id: dune_str,
    pub agent_id: dune_str,
    pub evidence_json: dune_str,
    pub confidence: f64,
    pub step_index: i32,
    pub reserved: u32,
    pub host: *const dune_host,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_explain_out {
    pub struct_size: u32,
    pub reserved: u32,
    pub r#impl: *mut c_void,
    pub set: Option<unsafe extern "C" fn(*mut dune_explain_out, dune_str, dune_str)>,
    pub add_fix: Option<unsafe extern "C" fn(*mut dune_explain_out, *const dune_fix)>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_detector_v1 {
    pub struct_size: u32,
    pub reserved: u32,
    pub default_signal_type: dune_str,
    pub templates: *const dune_template,
    pub template_count: u32,
    pub template_stride: u32,
    pub validate: Option<unsafe extern "C" fn(*const dune_config, *mut dune_error) -> dune_status>,
    pub create: Option<unsafe extern "C" fn(*const dune_host, *const dune_config, *mut *mut c_void, *mut dune_error) -> dune_status>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub detect: Option<unsafe extern "C" fn(*mut c_void, *const dune_run, *mut dune_sink, *mut dune_error) -> dune_status>,
    pub explain: Option<unsafe extern "C" fn(*const dune_explain_in, *mut dune_explain_out, *mut dune_error) -> dune_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_alert {
    pub has: u32,
    pub step_index: i32,
    pub severity: u32,
    pub reserved: u32,
    pub signal_id: dune_str,
    pub signal_type: dune_str,
    pub run_id: dune_str,
    pub agent_id: dune_str,
    pub agent_version: dune_str,
    pub confidence: f64,
    pub detected_at: f64,
    pub title: dune_str,
    pub what: dune_str,
    pub why_it_matters: dune_str,
    pub evidence_summary: dune_str,
    pub evidence_json: dune_str,
    pub fixes: *const dune_fix,
    pub fix_count: u32,
    pub reserved2: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_alert_batch {
    pub struct_size: u32,
    pub attempt: u32,
    pub idempotency_key: dune_str,
    pub alerts: dune_array,
    pub deadline_ms: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_header {
    pub name: dune_str,
    pub value: dune_str,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_http_request {
    pub struct_size: u32,
    pub timeout_ms: u32,
    pub method: dune_str,
    pub url: dune_str,
    pub body: dune_str,
    pub headers: *const dune_header,
    pub header_count: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_http_response {
    pub struct_size: u32,
    pub status: i32,
    pub body: dune_str,
    pub retry_after_ms: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_host_http_v1 {
    pub struct_size: u32,
    pub max_response_bytes: u32,
    pub send: Option<unsafe extern "C" fn(*const dune_host, *const dune_http_request, *mut dune_http_response, *mut dune_error) -> dune_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_delivery {
    pub struct_size: u32,
    pub reserved: u32,
    pub retry_after_ms: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_alert_v1 {
    pub struct_size: u32,
    pub max_batch: u32,
    pub create: Option<unsafe extern "C" fn(*const dune_host, *const dune_config, *mut *mut c_void, *mut dune_error) -> dune_status>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub deliver: Option<unsafe extern "C" fn(*mut c_void, *const dune_alert_batch, *mut dune_delivery, *mut dune_error) -> dune_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_action {
    pub struct_size: u32,
    pub mutates: u32,
    pub id: dune_str,
    pub title: dune_str,
    pub doc: dune_str,
    pub input_schema_json: dune_str,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_call {
    pub struct_size: u32,
    pub dry_run: u32,
    pub action: dune_str,
    pub input_json: dune_str,
    pub idempotency_key: dune_str,
    pub deadline_ms: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_integration_v1 {
    pub struct_size: u32,
    pub action_count: u32,
    pub actions: *const dune_action,
    pub action_stride: u32,
    pub reserved: u32,
    pub create: Option<unsafe extern "C" fn(*const dune_host, *const dune_config, *mut *mut c_void, *mut dune_error) -> dune_status>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub invoke: Option<unsafe extern "C" fn(*mut c_void, *const dune_call, *mut dune_json, *mut dune_error) -> dune_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_component {
    pub struct_size: u32,
    pub flags: u32,
    pub iface: dune_str,
    pub id: dune_str,
    pub title: dune_str,
    pub doc: dune_str,
    pub params: *const dune_param_spec,
    pub param_count: u32,
    pub param_stride: u32,
    pub vtable: *const c_void,
    pub get_extension: Option<unsafe extern "C" fn(dune_str) -> *const c_void>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_plugin {
    pub magic: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub struct_size: u32,
    pub min_host_minor: u32,
    pub id: dune_str,
    pub vendor: dune_str,
    pub version: dune_str,
    pub license: dune_str,
    pub components: *const dune_component,
    pub component_count: u32,
    pub component_stride: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_host_clock_v1 {
    pub struct_size: u32,
    pub reserved: u32,
    pub unix_seconds: Option<unsafe extern "C" fn(*const dune_host) -> f64>,
    pub monotonic_ms: Option<unsafe extern "C" fn(*const dune_host) -> i64>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_host_json_v1 {
    pub struct_size: u32,
    pub reserved: u32,
    pub type_of: Option<unsafe extern "C" fn(*const dune_host, dune_str, dune_str, *mut u32) -> dune_status>,
    pub get_i64: Option<unsafe extern "C" fn(*const dune_host, dune_str, dune_str, *mut i64) -> dune_status>,
    pub get_f64: Option<unsafe extern "C" fn(*const dune_host, dune_str, dune_str, *mut f64) -> dune_status>,
    pub get_bool: Option<unsafe extern "C" fn(*const dune_host, dune_str, dune_str, *mut u32) -> dune_status>,
    pub get_str: Option<unsafe extern "C" fn(*const dune_host, dune_str, dune_str, *mut dune_str) -> dune_status>,
    pub get_raw: Option<unsafe extern "C" fn(*const dune_host, dune_str, dune_str, *mut dune_str) -> dune_status>,
    pub array_len: Option<unsafe extern "C" fn(*const dune_host, dune_str, dune_str, *mut u32) -> dune_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct dune_host_metrics_v1 {
    pub struct_size: u32,
    pub reserved: u32,
    pub counter_add: Option<unsafe extern "C" fn(*const dune_host, dune_str, f64) -> dune_status>,
    pub histogram_observe: Option<unsafe extern "C" fn(*const dune_host, dune_str, f64) -> dune_status>,
}

// Static tables point to static data.
unsafe impl Sync for dune_str {}
unsafe impl Sync for dune_array {}
unsafe impl Sync for dune_error {}
unsafe impl Sync for dune_value {}
unsafe impl Sync for dune_param_spec {}
unsafe impl Sync for dune_config {}
unsafe impl Sync for dune_host {}
unsafe impl Sync for dune_json {}
unsafe impl Sync for dune_tool_call {}
unsafe impl Sync for dune_llm_call {}
unsafe impl Sync for dune_retrieval {}
unsafe impl Sync for dune_event {}
unsafe impl Sync for dune_external_signal {}
unsafe impl Sync for dune_step_duration {}
unsafe impl Sync for dune_run {}
unsafe impl Sync for dune_signal {}
unsafe impl Sync for dune_sink {}
unsafe impl Sync for dune_fix {}
unsafe impl Sync for dune_template {}
unsafe impl Sync for dune_explain_in {}
unsafe impl Sync for dune_explain_out {}
unsafe impl Sync for dune_detector_v1 {}
unsafe impl Sync for dune_alert {}
unsafe impl Sync for dune_alert_batch {}
unsafe impl Sync for dune_header {}
unsafe impl Sync for dune_http_request {}
unsafe impl Sync for dune_http_response {}
unsafe impl Sync for dune_host_http_v1 {}
unsafe impl Sync for dune_delivery {}
unsafe impl Sync for dune_alert_v1 {}
unsafe impl Sync for dune_action {}
unsafe impl Sync for dune_call {}
unsafe impl Sync for dune_integration_v1 {}
unsafe impl Sync for dune_component {}
unsafe impl Sync for dune_plugin {}
unsafe impl Sync for dune_host_clock_v1 {}
unsafe impl Sync for dune_host_json_v1 {}
unsafe impl Sync for dune_host_metrics_v1 {}

const _: () = {
    assert!(size_of::<dune_str>() == 16 && align_of::<dune_str>() <= 8);
    assert!(offset_of!(dune_str, ptr) == 0);
    assert!(offset_of!(dune_str, len) == 8);
    assert!(size_of::<dune_array>() == 16 && align_of::<dune_array>() <= 8);
    assert!(offset_of!(dune_array, data) == 0);
    assert!(offset_of!(dune_array, count) == 8);
    assert!(offset_of!(dune_array, stride) == 12);
    assert!(size_of::<dune_error>() == 512 && align_of::<dune_error>() <= 8);
    assert!(offset_of!(dune_error, code) == 0);
    assert!(offset_of!(dune_error, message_len) == 4);
    assert!(offset_of!(dune_error, message) == 8);
    assert!(size_of::<dune_value>() == 24 && align_of::<dune_value>() <= 8);
    assert!(offset_of!(dune_value, r#type) == 0);
    assert!(offset_of!(dune_value, reserved) == 4);
    assert!(offset_of!(dune_value, r#as) == 8);
    assert!(size_of::<dune_param_spec>() == 152 && align_of::<dune_param_spec>() <= 8);
    assert!(offset_of!(dune_param_spec, struct_size) == 0);
    assert!(offset_of!(dune_param_spec, flags) == 4);
    assert!(offset_of!(dune_param_spec, name) == 8);
    assert!(offset_of!(dune_param_spec, r#type) == 24);
    assert!(offset_of!(dune_param_spec, reserved) == 28);
    assert!(offset_of!(dune_param_spec, def) == 32);
    assert!(offset_of!(dune_param_spec, min) == 56);
    assert!(offset_of!(dune_param_spec, max) == 80);
    assert!(offset_of!(dune_param_spec, choices) == 104);
    assert!(offset_of!(dune_param_spec, unit) == 120);
    assert!(offset_of!(dune_param_spec, doc) == 136);
    assert!(size_of::<dune_config>() == 32 && align_of::<dune_config>() <= 8);
    assert!(offset_of!(dune_config, struct_size) == 0);
    assert!(offset_of!(dune_config, value_count) == 4);
    assert!(offset_of!(dune_config, values) == 8);
    assert!(offset_of!(dune_config, category) == 16);
    assert!(size_of::<dune_host>() == 64 && align_of::<dune_host>() <= 8);
    assert!(offset_of!(dune_host, struct_size) == 0);
    assert!(offset_of!(dune_host, abi_major) == 4);
    assert!(offset_of!(dune_host, abi_minor) == 6);
    assert!(offset_of!(dune_host, r#impl) == 8);
    assert!(offset_of!(dune_host, name) == 16);
    assert!(offset_of!(dune_host, version) == 32);
    assert!(offset_of!(dune_host, log) == 48);
    assert!(offset_of!(dune_host, get_extension) == 56);
    assert!(size_of::<dune_json>() == 104 && align_of::<dune_json>() <= 8);
    assert!(offset_of!(dune_json, struct_size) == 0);
    assert!(offset_of!(dune_json, reserved) == 4);
    assert!(offset_of!(dune_json, r#impl) == 8);
    assert!(offset_of!(dune_json, begin_object) == 16);
    assert!(offset_of!(dune_json, end_object) == 24);
    assert!(offset_of!(dune_json, begin_array) == 32);
    assert!(offset_of!(dune_json, end_array) == 40);
    assert!(offset_of!(dune_json, key) == 48);
    assert!(offset_of!(dune_json, str) == 56);
    assert!(offset_of!(dune_json, i64) == 64);
    assert!(offset_of!(dune_json, f64) == 72);
    assert!(offset_of!(dune_json, boolean) == 80);
    assert!(offset_of!(dune_json, null) == 88);
    assert!(offset_of!(dune_json, raw) == 96);
    assert!(size_of::<dune_tool_call>() == 88 && align_of::<dune_tool_call>() <= 8);
    assert!(offset_of!(dune_tool_call, has) == 0);
    assert!(offset_of!(dune_tool_call, step_index) == 4);
    assert!(offset_of!(dune_tool_call, ts) == 8);
    assert!(offset_of!(dune_tool_call, tool_name) == 16);
    assert!(offset_of!(dune_tool_call, args_hash) == 32);
    assert!(offset_of!(dune_tool_call, error_hash) == 48);
    assert!(offset_of!(dune_tool_call, latency_ms) == 64);
    assert!(offset_of!(dune_tool_call, output_length) == 72);
    assert!(offset_of!(dune_tool_call, success) == 80);
    assert!(offset_of!(dune_tool_call, reserved) == 84);
    assert!(size_of::<dune_llm_call>() == 80 && align_of::<dune_llm_call>() <= 8);
    assert!(offset_of!(dune_llm_call, has) == 0);
    assert!(offset_of!(dune_llm_call, step_index) == 4);
    assert!(offset_of!(dune_llm_call, ts) == 8);
    assert!(offset_of!(dune_llm_call, model) == 16);
    assert!(offset_of!(dune_llm_call, finish_reason) == 32);
    assert!(offset_of!(dune_llm_call, prompt_tokens) == 48);
    assert!(offset_of!(dune_llm_call, completion_tokens) == 56);
    assert!(offset_of!(dune_llm_call, latency_ms) == 64);
    assert!(offset_of!(dune_llm_call, output_length) == 72);
    assert!(size_of::<dune_retrieval>() == 48 && align_of::<dune_retrieval>() <= 8);
    assert!(offset_of!(dune_retrieval, has) == 0);
    assert!(offset_of!(dune_retrieval, step_index) == 4);
    assert!(offset_of!(dune_retrieval, ts) == 8);
    assert!(offset_of!(dune_retrieval, index_name) == 16);
    assert!(offset_of!(dune_retrieval, result_count) == 32);
    assert!(offset_of!(dune_retrieval, top_score) == 40);
    assert!(size_of::<dune_event>() == 56 && align_of::<dune_event>() <= 8);
    assert!(offset_of!(dune_event, has) == 0);
    assert!(offset_of!(dune_event, step_index) == 4);
    assert!(offset_of!(dune_event, ts) == 8);
    assert!(offset_of!(dune_event, kind) == 16);
    assert!(offset_of!(dune_event, reserved) == 20);
    assert!(offset_of!(dune_event, r#type) == 24);
    assert!(offset_of!(dune_event, payload_json) == 40);
    assert!(size_of::<dune_external_signal>() == 64 && align_of::<dune_external_signal>() <= 8);
    assert!(offset_of!(dune_external_signal, has) == 0);
    assert!(offset_of!(dune_external_signal, step_index) == 4);
    assert!(offset_of!(dune_external_signal, ts) == 8);
    assert!(offset_of!(dune_external_signal, name) == 16);
    assert!(offset_of!(dune_external_signal, source) == 32);
    assert!(offset_of!(dune_external_signal, meta_json) == 48);
    assert!(size_of::<dune_step_duration>() == 48 && align_of::<dune_step_duration>() <= 8);
    assert!(offset_of!(dune_step_duration, has) == 0);
    assert!(offset_of!(dune_step_duration, step_index) == 4);
    assert!(offset_of!(dune_step_duration, ts) == 8);
    assert!(offset_of!(dune_step_duration, kind) == 16);
    assert!(offset_of!(dune_step_duration, reserved) == 20);
    assert!(offset_of!(dune_step_duration, r#type) == 24);
    assert!(offset_of!(dune_step_duration, duration_ms) == 40);
    assert!(size_of::<dune_run>() == 280 && align_of::<dune_run>() <= 8);
    assert!(offset_of!(dune_run, struct_size) == 0);
    assert!(offset_of!(dune_run, has) == 4);
    assert!(offset_of!(dune_run, run_id) == 8);
    assert!(offset_of!(dune_run, agent_id) == 24);
    assert!(offset_of!(dune_run, agent_version) == 40);
    assert!(offset_of!(dune_run, category) == 56);
    assert!(offset_of!(dune_run, parent_run_id) == 72);
    assert!(offset_of!(dune_run, exit_reason) == 88);
    assert!(offset_of!(dune_run, input_hash) == 104);
    assert!(offset_of!(dune_run, current_step) == 120);
    assert!(offset_of!(dune_run, reserved) == 124);
    assert!(offset_of!(dune_run, baseline_p75_steps) == 128);
    assert!(offset_of!(dune_run, baseline_p75_tool_latency_ms) == 136);
    assert!(offset_of!(dune_run, baseline_p75_llm_latency_ms) == 144);
    assert!(offset_of!(dune_run, baseline_p75_token_growth) == 152);
    assert!(offset_of!(dune_run, baseline_p75_llm_tool_ratio) == 160);
    assert!(offset_of!(dune_run, available_tools) == 168);
    assert!(offset_of!(dune_run, tool_calls) == 184);
    assert!(offset_of!(dune_run, llm_calls) == 200);
    assert!(offset_of!(dune_run, retrievals) == 216);
    assert!(offset_of!(dune_run, events) == 232);
    assert!(offset_of!(dune_run, external_signals) == 248);
    assert!(offset_of!(dune_run, step_durations) == 264);
    assert!(size_of::<dune_signal>() == 56 && align_of::<dune_signal>() <= 8);
    assert!(offset_of!(dune_signal, struct_size) == 0);
    assert!(offset_of!(dune_signal, severity) == 4);
    assert!(offset_of!(dune_signal, r#type) == 8);
    assert!(offset_of!(dune_signal, confidence) == 24);
    assert!(offset_of!(dune_signal, step_index) == 32);
    assert!(offset_of!(dune_signal, reserved) == 36);
    assert!(offset_of!(dune_signal, evidence_json) == 40);
    assert!(size_of::<dune_sink>() == 40 && align_of::<dune_sink>() <= 8);
    assert!(offset_of!(dune_sink, struct_size) == 0);
    assert!(offset_of!(dune_sink, reserved) == 4);
    assert!(offset_of!(dune_sink, r#impl) == 8);
    assert!(offset_of!(dune_sink, evidence) == 16);
    assert!(offset_of!(dune_sink, emit) == 24);
    assert!(offset_of!(dune_sink, cancelled) == 32);
    assert!(size_of::<dune_fix>() == 48 && align_of::<dune_fix>() <= 8);
    assert!(offset_of!(dune_fix, description) == 0);
    assert!(offset_of!(dune_fix, language) == 16);
    assert!(offset_of!(dune_fix, code) == 32);
    assert!(size_of::<dune_template>() == 96 && align_of::<dune_template>() <= 8);
    assert!(offset_of!(dune_template, struct_size) == 0);
    assert!(offset_of!(dune_template, fix_count) == 4);
    assert!(offset_of!(dune_template, signal_type) == 8);
    assert!(offset_of!(dune_template, title) == 24);
    assert!(offset_of!(dune_template, what) == 40);
    assert!(offset_of!(dune_template, why_it_matters) == 56);
    assert!(offset_of!(dune_template, evidence_summary) == 72);
    assert!(offset_of!(dune_template, fixes) == 88);
    assert!(size_of::<dune_explain_in>() == 96 && align_of::<dune_explain_in>() <= 8);
    assert!(offset_of!(dune_explain_in, struct_size) == 0);
    assert!(offset_of!(dune_explain_in, severity) == 4);
    assert!(offset_of!(dune_explain_in, signal_type) == 8);
    assert!(offset_of!(dune_explain_in, run_id) == 24);
    assert!(offset_of!(dune_explain_in, agent_id) == 40);
    assert!(offset_of!(dune_explain_in, evidence_json) == 56);
    assert!(offset_of!(dune_explain_in, confidence) == 72);
    assert!(offset_of!(dune_explain_in, step_index) == 80);
    assert!(offset_of!(dune_explain_in, reserved) == 84);
    assert!(offset_of!(dune_explain_in, host) == 88);
    assert!(size_of::<dune_explain_out>() == 32 && align_of::<dune_explain_out>() <= 8);
    assert!(offset_of!(dune_explain_out, struct_size) == 0);
    assert!(offset_of!(dune_explain_out, reserved) == 4);
    assert!(offset_of!(dune_explain_out, r#impl) == 8);
    assert!(offset_of!(dune_explain_out, set) == 16);
    assert!(offset_of!(dune_explain_out, add_fix) == 24);
    assert!(size_of::<dune_detector_v1>() == 80 && align_of::<dune_detector_v1>() <= 8);
    assert!(offset_of!(dune_detector_v1, struct_size) == 0);
    assert!(offset_of!(dune_detector_v1, reserved) == 4);
    assert!(offset_of!(dune_detector_v1, default_signal_type) == 8);
    assert!(offset_of!(dune_detector_v1, templates) == 24);
    assert!(offset_of!(dune_detector_v1, template_count) == 32);
    assert!(offset_of!(dune_detector_v1, template_stride) == 36);
    assert!(offset_of!(dune_detector_v1, validate) == 40);
    assert!(offset_of!(dune_detector_v1, create) == 48);
    assert!(offset_of!(dune_detector_v1, destroy) == 56);
    assert!(offset_of!(dune_detector_v1, detect) == 64);
    assert!(offset_of!(dune_detector_v1, explain) == 72);
    assert!(size_of::<dune_alert>() == 208 && align_of::<dune_alert>() <= 8);
    assert!(offset_of!(dune_alert, has) == 0);
    assert!(offset_of!(dune_alert, step_index) == 4);
    assert!(offset_of!(dune_alert, severity) == 8);
    assert!(offset_of!(dune_alert, reserved) == 12);
    assert!(offset_of!(dune_alert, signal_id) == 16);
    assert!(offset_of!(dune_alert, signal_type) == 32);
    assert!(offset_of!(dune_alert, run_id) == 48);
    assert!(offset_of!(dune_alert, agent_id) == 64);
    assert!(offset_of!(dune_alert, agent_version) == 80);
    assert!(offset_of!(dune_alert, confidence) == 96);
    assert!(offset_of!(dune_alert, detected_at) == 104);
    assert!(offset_of!(dune_alert, title) == 112);
    assert!(offset_of!(dune_alert, what) == 128);
    assert!(offset_of!(dune_alert, why_it_matters) == 144);
    assert!(offset_of!(dune_alert, evidence_summary) == 160);
    assert!(offset_of!(dune_alert, evidence_json) == 176);
    assert!(offset_of!(dune_alert, fixes) == 192);
    assert!(offset_of!(dune_alert, fix_count) == 200);
    assert!(offset_of!(dune_alert, reserved2) == 204);
    assert!(size_of::<dune_alert_batch>() == 48 && align_of::<dune_alert_batch>() <= 8);
    assert!(offset_of!(dune_alert_batch, struct_size) == 0);
    assert!(offset_of!(dune_alert_batch, attempt) == 4);
    assert!(offset_of!(dune_alert_batch, idempotency_key) == 8);
    assert!(offset_of!(dune_alert_batch, alerts) == 24);
    assert!(offset_of!(dune_alert_batch, deadline_ms) == 40);
    assert!(size_of::<dune_header>() == 32 && align_of::<dune_header>() <= 8);
    assert!(offset_of!(dune_header, name) == 0);
    assert!(offset_of!(dune_header, value) == 16);
    assert!(size_of::<dune_http_request>() == 72 && align_of::<dune_http_request>() <= 8);
    assert!(offset_of!(dune_http_request, struct_size) == 0);
    assert!(offset_of!(dune_http_request, timeout_ms) == 4);
    assert!(offset_of!(dune_http_request, method) == 8);
    assert!(offset_of!(dune_http_request, url) == 24);
    assert!(offset_of!(dune_http_request, body) == 40);
    assert!(offset_of!(dune_http_request, headers) == 56);
    assert!(offset_of!(dune_http_request, header_count) == 64);
    assert!(offset_of!(dune_http_request, reserved) == 68);
    assert!(size_of::<dune_http_response>() == 32 && align_of::<dune_http_response>() <= 8);
    assert!(offset_of!(dune_http_response, struct_size) == 0);
    assert!(offset_of!(dune_http_response, status) == 4);
    assert!(offset_of!(dune_http_response, body) == 8);
    assert!(offset_of!(dune_http_response, retry_after_ms) == 24);
    assert!(size_of::<dune_host_http_v1>() == 16 && align_of::<dune_host_http_v1>() <= 8);
    assert!(offset_of!(dune_host_http_v1, struct_size) == 0);
    assert!(offset_of!(dune_host_http_v1, max_response_bytes) == 4);
    assert!(offset_of!(dune_host_http_v1, send) == 8);
    assert!(size_of::<dune_delivery>() == 16 && align_of::<dune_delivery>() <= 8);
    assert!(offset_of!(dune_delivery, struct_size) == 0);
    assert!(offset_of!(dune_delivery, reserved) == 4);
    assert!(offset_of!(dune_delivery, retry_after_ms) == 8);
    assert!(size_of::<dune_alert_v1>() == 32 && align_of::<dune_alert_v1>() <= 8);
    assert!(offset_of!(dune_alert_v1, struct_size) == 0);
    assert!(offset_of!(dune_alert_v1, max_batch) == 4);
    assert!(offset_of!(dune_alert_v1, create) == 8);
    assert!(offset_of!(dune_alert_v1, destroy) == 16);
    assert!(offset_of!(dune_alert_v1, deliver) == 24);
    assert!(size_of::<dune_action>() == 72 && align_of::<dune_action>() <= 8);
    assert!(offset_of!(dune_action, struct_size) == 0);
    assert!(offset_of!(dune_action, mutates) == 4);
    assert!(offset_of!(dune_action, id) == 8);
    assert!(offset_of!(dune_action, title) == 24);
    assert!(offset_of!(dune_action, doc) == 40);
    assert!(offset_of!(dune_action, input_schema_json) == 56);
    assert!(size_of::<dune_call>() == 64 && align_of::<dune_call>() <= 8);
    assert!(offset_of!(dune_call, struct_size) == 0);
    assert!(offset_of!(dune_call, dry_run) == 4);
    assert!(offset_of!(dune_call, action) == 8);
    assert!(offset_of!(dune_call, input_json) == 24);
    assert!(offset_of!(dune_call, idempotency_key) == 40);
    assert!(offset_of!(dune_call, deadline_ms) == 56);
    assert!(size_of::<dune_integration_v1>() == 48 && align_of::<dune_integration_v1>() <= 8);
    assert!(offset_of!(dune_integration_v1, struct_size) == 0);
    assert!(offset_of!(dune_integration_v1, action_count) == 4);
    assert!(offset_of!(dune_integration_v1, actions) == 8);
    assert!(offset_of!(dune_integration_v1, action_stride) == 16);
    assert!(offset_of!(dune_integration_v1, reserved) == 20);
    assert!(offset_of!(dune_integration_v1, create) == 24);
    assert!(offset_of!(dune_integration_v1, destroy) == 32);
    assert!(offset_of!(dune_integration_v1, invoke) == 40);
    assert!(size_of::<dune_component>() == 104 && align_of::<dune_component>() <= 8);
    assert!(offset_of!(dune_component, struct_size) == 0);
    assert!(offset_of!(dune_component, flags) == 4);
    assert!(offset_of!(dune_component, iface) == 8);
    assert!(offset_of!(dune_component, id) == 24);
    assert!(offset_of!(dune_component, title) == 40);
    assert!(offset_of!(dune_component, doc) == 56);
    assert!(offset_of!(dune_component, params) == 72);
    assert!(offset_of!(dune_component, param_count) == 80);
    assert!(offset_of!(dune_component, param_stride) == 84);
    assert!(offset_of!(dune_component, vtable) == 88);
    assert!(offset_of!(dune_component, get_extension) == 96);
    assert!(size_of::<dune_plugin>() == 96 && align_of::<dune_plugin>() <= 8);
    assert!(offset_of!(dune_plugin, magic) == 0);
    assert!(offset_of!(dune_plugin, abi_major) == 4);
    assert!(offset_of!(dune_plugin, abi_minor) == 6);
    assert!(offset_of!(dune_plugin, struct_size) == 8);
    assert!(offset_of!(dune_plugin, min_host_minor) == 12);
    assert!(offset_of!(dune_plugin, id) == 16);
    assert!(offset_of!(dune_plugin, vendor) == 32);
    assert!(offset_of!(dune_plugin, version) == 48);
    assert!(offset_of!(dune_plugin, license) == 64);
    assert!(offset_of!(dune_plugin, components) == 80);
    assert!(offset_of!(dune_plugin, component_count) == 88);
    assert!(offset_of!(dune_plugin, component_stride) == 92);
    assert!(size_of::<dune_host_clock_v1>() == 24 && align_of::<dune_host_clock_v1>() <= 8);
    assert!(offset_of!(dune_host_clock_v1, struct_size) == 0);
    assert!(offset_of!(dune_host_clock_v1, reserved) == 4);
    assert!(offset_of!(dune_host_clock_v1, unix_seconds) == 8);
    assert!(offset_of!(dune_host_clock_v1, monotonic_ms) == 16);
    assert!(size_of::<dune_host_json_v1>() == 64 && align_of::<dune_host_json_v1>() <= 8);
    assert!(offset_of!(dune_host_json_v1, struct_size) == 0);
    assert!(offset_of!(dune_host_json_v1, reserved) == 4);
    assert!(offset_of!(dune_host_json_v1, type_of) == 8);
    assert!(offset_of!(dune_host_json_v1, get_i64) == 16);
    assert!(offset_of!(dune_host_json_v1, get_f64) == 24);
    assert!(offset_of!(dune_host_json_v1, get_bool) == 32);
    assert!(offset_of!(dune_host_json_v1, get_str) == 40);
    assert!(offset_of!(dune_host_json_v1, get_raw) == 48);
    assert!(offset_of!(dune_host_json_v1, array_len) == 56);
    assert!(size_of::<dune_host_metrics_v1>() == 24 && align_of::<dune_host_metrics_v1>() <= 8);
    assert!(offset_of!(dune_host_metrics_v1, struct_size) == 0);
    assert!(offset_of!(dune_host_metrics_v1, reserved) == 4);
    assert!(offset_of!(dune_host_metrics_v1, counter_add) == 8);
    assert!(offset_of!(dune_host_metrics_v1, histogram_observe) == 16);
};
