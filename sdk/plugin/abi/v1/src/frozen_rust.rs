// A plugin of version 1.0 in Rust without any crate, kept as a binary (frozen_rust.so): a detector with bindings
// written by hand, which shows what a third language needs. It was built once and is never built again; this file says
// what the binary does. See README.md.
#![allow(dead_code)]
use std::ffi::c_void;
use std::mem::{offset_of, size_of};
use std::ptr;

// ---- bindings ---------------------------------------------------------------------------------------------------
type Status = i32;
const OK: Status = 0;
const E_UNSUPPORTED: Status = -3;
const E_LIMIT: Status = -7;

#[repr(C)]
#[derive(Clone, Copy)]
struct Str {
    ptr: *const u8,
    len: usize,
}
#[repr(C)]
#[derive(Clone, Copy)]
struct Array {
    data: *const c_void,
    count: u32,
    stride: u32,
}
#[repr(C)]
struct Error {
    code: Status,
    message_len: u32,
    message: [u8; 504],
}
#[repr(C)]
#[derive(Clone, Copy)]
union Any {
    i: i64,
    f: f64,
    s: Str,
    list: Array,
}
#[repr(C)]
#[derive(Clone, Copy)]
struct Value {
    kind: u32,
    reserved: u32,
    of: Any,
}
#[repr(C)]
struct ParamSpec {
    struct_size: u32,
    flags: u32,
    name: Str,
    kind: u32,
    reserved: u32,
    def: Value,
    min: Value,
    max: Value,
    choices: Array,
    unit: Str,
    doc: Str,
}
#[repr(C)]
struct Config {
    struct_size: u32,
    value_count: u32,
    values: *const Value,
    category: Str,
}
#[repr(C)]
struct Host {
    struct_size: u32,
    abi_major: u16,
    abi_minor: u16,
    imp: *mut c_void,
    name: Str,
    version: Str,
    log: extern "C" fn(*const Host, u32, Str),
    get_extension: extern "C" fn(*const Host, Str) -> *const c_void,
}
#[repr(C)]
struct Json {
    struct_size: u32,
    reserved: u32,
    imp: *mut c_void,
    begin_object: extern "C" fn(*mut Json),
    end_object: extern "C" fn(*mut Json),
    begin_array: extern "C" fn(*mut Json),
    end_array: extern "C" fn(*mut Json),
    key: extern "C" fn(*mut Json, Str),
    str: extern "C" fn(*mut Json, Str),
    i64: extern "C" fn(*mut Json, i64),
    f64: extern "C" fn(*mut Json, f64),
    boolean: extern "C" fn(*mut Json, u32),
    null: extern "C" fn(*mut Json),
    raw: extern "C" fn(*mut Json, Str),
}
#[repr(C)]
struct ToolCall {
    has: u32,
    step_index: i32,
    ts: f64,
    tool_name: Str,
    args_hash: Str,
    error_hash: Str,
    latency_ms: i64,
    output_length: i64,
    success: u32,
    reserved: u32,
}
#[repr(C)]
struct LlmCall {
    has: u32,
    step_index: i32,
    ts: f64,
    model: Str,
    finish_reason: Str,
    prompt_tokens: i64,
    completion_tokens: i64,
    latency_ms: i64,
    output_length: i64,
}
#[repr(C)]
struct Retrieval {
    has: u32,
    step_index: i32,
    ts: f64,
    index_name: Str,
    result_count: i64,
    top_score: f64,
}
#[repr(C)]
struct Event {
    has: u32,
    step_index: i32,
    ts: f64,
    kind: u32,
    reserved: u32,
    type_: Str,
    payload_json: Str,
}
#[repr(C)]
struct ExternalSignal {
    has: u32,
    step_index: i32,
    ts: f64,
    name: Str,
    source: Str,
    meta_json: Str,
}
#[repr(C)]
struct StepDuration {
    has: u32,
    step_index: i32,
    ts: f64,
    kind: u32,
    reserved: u32,
    type_: Str,
    duration_ms: i64,
}
#[repr(C)]
struct Run {
    struct_size: u32,
    has: u32,
    run_id: Str,
    agent_id: Str,
    agent_version: Str,
    category: Str,
    parent_run_id: Str,
    exit_reason: Str,
    input_hash: Str,
    current_step: i32,
    reserved: u32,
    baselines: [f64; 5],
    available_tools: Array,
    tool_calls: Array,
    llm_calls: Array,
    retrievals: Array,
    events: Array,
    external_signals: Array,
    step_durations: Array,
}
#[repr(C)]
struct Signal {
    struct_size: u32,
    severity: u32,
    kind: Str,
    confidence: f64,
    step_index: i32,
    reserved: u32,
    evidence_json: Str,
}
#[repr(C)]
struct Sink {
    struct_size: u32,
    reserved: u32,
    imp: *mut c_void,
    evidence: *mut Json,
    emit: extern "C" fn(*mut Sink, *const Signal) -> Status,
    cancelled: extern "C" fn(*mut Sink) -> u32,
}
#[repr(C)]
struct Fix {
    description: Str,
    language: Str,
    code: Str,
}
#[repr(C)]
struct Template {
    struct_size: u32,
    fix_count: u32,
    signal_type: Str,
    title: Str,
    what: Str,
    why_it_matters: Str,
    evidence_summary: Str,
    fixes: *const Fix,
}
#[repr(C)]
struct Detector {
    struct_size: u32,
    reserved: u32,
    default_signal_type: Str,
    templates: *const Template,
    template_count: u32,
    template_stride: u32,
    validate: Option<extern "C" fn(*const Config, *mut Error) -> Status>,
    create: extern "C" fn(*const Host, *const Config, *mut *mut c_void, *mut Error) -> Status,
    destroy: extern "C" fn(*mut c_void),
    detect: extern "C" fn(*mut c_void, *const Run, *mut Sink, *mut Error) -> Status,
    explain: *const c_void,
}
#[repr(C)]
struct Component {
    struct_size: u32,
    flags: u32,
    iface: Str,
    id: Str,
    title: Str,
    doc: Str,
    params: *const ParamSpec,
    param_count: u32,
    param_stride: u32,
    vtable: *const Detector,
    get_extension: *const c_void,
}
#[repr(C)]
pub struct Plugin {
    magic: u32,
    abi_major: u16,
    abi_minor: u16,
    struct_size: u32,
    min_host_minor: u32,
    id: Str,
    vendor: Str,
    version: Str,
    license: Str,
    components: *const Component,
    component_count: u32,
    component_stride: u32,
}
// Static tables hold pointers to static data only.
unsafe impl Sync for ParamSpec {}
unsafe impl Sync for Template {}
unsafe impl Sync for Fix {}
unsafe impl Sync for Detector {}
unsafe impl Sync for Component {}
unsafe impl Sync for Plugin {}

const _: () = {
    assert!(size_of::<Value>() == 24 && size_of::<Error>() == 512 && size_of::<ParamSpec>() == 152);
    assert!(size_of::<Host>() == 64 && size_of::<Json>() == 104 && size_of::<Run>() == 280);
    assert!(size_of::<ToolCall>() == 88 && size_of::<LlmCall>() == 80 && size_of::<Retrieval>() == 48);
    assert!(size_of::<Event>() == 56 && size_of::<ExternalSignal>() == 64 && size_of::<StepDuration>() == 48);
    assert!(size_of::<Signal>() == 56 && size_of::<Sink>() == 40 && size_of::<Template>() == 96);
    assert!(size_of::<Detector>() == 80 && size_of::<Component>() == 104 && size_of::<Plugin>() == 96);
    assert!(offset_of!(Run, available_tools) == 168 && offset_of!(Run, step_durations) == 264);
};

// ---- helpers ----------------------------------------------------------------------------------------------------
const fn s(text: &'static str) -> Str {
    Str { ptr: text.as_ptr(), len: text.len() }
}
const NONE: Str = Str { ptr: ptr::null(), len: 0 };
fn dynamic(text: &str) -> Str {
    Str { ptr: text.as_ptr(), len: text.len() }
}
unsafe fn text<'a>(value: Str) -> &'a str {
    if value.ptr.is_null() {
        return "";
    }
    std::str::from_utf8(std::slice::from_raw_parts(value.ptr, value.len)).unwrap_or("no UTF-8")
}
unsafe fn items<'a, T: 'a>(array: Array) -> impl Iterator<Item = &'a T> {
    (0..array.count as usize).map(move |i| &*((array.data as *const u8).add(i * array.stride as usize) as *const T))
}
unsafe fn fail(error: *mut Error, code: Status, why: &str) -> Status {
    let n = why.len().min(504);
    (&mut (*error).message)[..n].copy_from_slice(&why.as_bytes()[..n]);
    (*error).message_len = n as u32;
    (*error).code = code;
    code
}

// Straight-line evidence.
struct Writer(*mut Json);
impl Writer {
    fn key(&self, name: &str) -> &Self {
        unsafe { ((*self.0).key)(self.0, dynamic(name)) };
        self
    }
    fn text(&self, name: &str, value: Str) {
        self.key(name);
        unsafe {
            if value.ptr.is_null() {
                ((*self.0).null)(self.0)
            } else {
                ((*self.0).str)(self.0, value)
            }
        }
    }
    fn int(&self, name: &str, value: i64) {
        self.key(name);
        unsafe { ((*self.0).i64)(self.0, value) }
    }
    fn float(&self, name: &str, value: f64) {
        self.key(name);
        unsafe { ((*self.0).f64)(self.0, value) }
    }
    fn flag(&self, name: &str, value: bool) {
        self.key(name);
        unsafe { ((*self.0).boolean)(self.0, value as u32) }
    }
    fn list(&self, name: &str, values: &[String]) {
        self.key(name);
        unsafe {
            ((*self.0).begin_array)(self.0);
            for value in values {
                ((*self.0).str)(self.0, dynamic(value));
            }
            ((*self.0).end_array)(self.0)
        }
    }
}

// ---- the detector -----------------------------------------------------------------------------------------------
struct State {
    threshold: i64,
    names: Vec<String>,
}

extern "C" fn validate(config: *const Config, error: *mut Error) -> Status {
    unsafe {
        if (*config).value_count < 2 {
            return fail(error, E_UNSUPPORTED, "too few values");
        }
        OK
    }
}

extern "C" fn create(host: *const Host, config: *const Config, out: *mut *mut c_void, _error: *mut Error) -> Status {
    unsafe {
        let values = std::slice::from_raw_parts((*config).values, (*config).value_count as usize);
        let names = items::<Str>(values[1].of.list).map(|name| text(*name).to_owned()).collect();
        let state = Box::new(State { threshold: values[0].of.i, names });
        ((*host).log)(host, 2, s("frozen_rust_digest was created"));
        *out = Box::into_raw(state) as *mut c_void;
        OK
    }
}

extern "C" fn destroy(instance: *mut c_void) {
    drop(unsafe { Box::from_raw(instance as *mut State) });
}

fn describe(run: &Run) -> Vec<String> {
    let mut out = Vec::new();
    unsafe {
        for t in items::<Str>(run.available_tools) {
            out.push(format!("may {}", text(*t)));
        }
        for c in items::<ToolCall>(run.tool_calls) {
            out.push(format!(
                "tool {} {} {} args {} error {} {} ms {} chars ok {} has {}",
                c.step_index, c.ts, text(c.tool_name), text(c.args_hash), text(c.error_hash), c.latency_ms,
                c.output_length, c.success, c.has & 7
            ));
        }
        for c in items::<LlmCall>(run.llm_calls) {
            out.push(format!(
                "llm {} {} {} {} {}+{} tokens {} ms {} chars has {}",
                c.step_index, c.ts, text(c.model), text(c.finish_reason), c.prompt_tokens, c.completion_tokens,
                c.latency_ms, c.output_length, c.has & 15
            ));
        }
        for r in items::<Retrieval>(run.retrievals) {
            out.push(format!(
                "ret {} {} {} {} {} has {}",
                r.step_index, r.ts, text(r.index_name), r.result_count, r.top_score, r.has & 1
            ));
        }
        for e in items::<Event>(run.events) {
            out.push(format!("ev {} {} {} {} {}", e.step_index, e.ts, e.kind, text(e.type_), text(e.payload_json)));
        }
        for e in items::<ExternalSignal>(run.external_signals) {
            out.push(format!(
                "ext {} {} {} {} {}",
                e.step_index, e.ts, text(e.name), text(e.source), text(e.meta_json)
            ));
        }
        for d in items::<StepDuration>(run.step_durations) {
            out.push(format!("dur {} {} {} {} {}", d.step_index, d.ts, d.kind, text(d.type_), d.duration_ms));
        }
    }
    out
}

extern "C" fn detect(instance: *mut c_void, run: *const Run, sink: *mut Sink, error: *mut Error) -> Status {
    unsafe {
        let state = &*(instance as *const State);
        let run = &*run;
        if (run.struct_size as usize) < size_of::<Run>() {
            return fail(error, E_UNSUPPORTED, "a run of an unknown version");
        }
        if text(run.agent_id) == "agent-fails" {
            return fail(error, E_LIMIT, &format!("asked to fail at step {}", run.current_step));
        }
        if (run.tool_calls.count as i64) < state.threshold {
            return OK;
        }
        let writer = Writer((*sink).evidence);
        writer.text("run", run.run_id);
        writer.text("parent", run.parent_run_id);
        writer.text("exit", run.exit_reason);
        writer.flag("cancelled", ((*sink).cancelled)(sink) != 0);
        writer.int("has", (run.has & 0x7F) as i64); // later versions have more bits
        writer.float("p75_steps", run.baselines[0]);
        writer.float("p75_llm_tool_ratio", run.baselines[4]);
        writer.list("names", &state.names);
        writer.list("lines", &describe(run));
        let signal = Signal {
            struct_size: size_of::<Signal>() as u32,
            severity: 2,
            kind: NONE,
            confidence: 0.625,
            step_index: run.current_step,
            reserved: 0,
            evidence_json: NONE,
        };
        ((*sink).emit)(sink, &signal)
    }
}

// ---- tables -----------------------------------------------------------------------------------------------------
const fn int(i: i64) -> Value {
    Value { kind: 2, reserved: 0, of: Any { i } }
}
const NO_VALUE: Value = Value { kind: 0, reserved: 0, of: Any { list: NO_ARRAY } };
const NO_ARRAY: Array = Array { data: ptr::null(), count: 0, stride: 0 };
struct Names([Str; 2]);
unsafe impl Sync for Names {}
static NAMES: Names = Names([s("one"), s("two")]);
static PARAMS: [ParamSpec; 2] = [
    ParamSpec {
        struct_size: size_of::<ParamSpec>() as u32,
        flags: 0,
        name: s("threshold"),
        kind: 2,
        reserved: 0,
        def: int(1),
        min: int(0),
        max: int(1000),
        choices: NO_ARRAY,
        unit: s("calls"),
        doc: s("Tool calls from which on a run is described."),
    },
    ParamSpec {
        struct_size: size_of::<ParamSpec>() as u32,
        flags: 0,
        name: s("names"),
        kind: 5,
        reserved: 0,
        def: Value {
            kind: 5,
            reserved: 0,
            of: Any {
                list: Array {
                    data: &NAMES as *const Names as *const c_void,
                    count: 2,
                    stride: size_of::<Str>() as u32,
                },
            },
        },
        min: NO_VALUE,
        max: NO_VALUE,
        choices: NO_ARRAY,
        unit: NONE,
        doc: s("Some texts."),
    },
];
static FIXES: [Fix; 1] = [Fix { description: s("Read {run}"), language: s("text"), code: s("{names}") }];
static TEMPLATES: [Template; 1] = [Template {
    struct_size: size_of::<Template>() as u32,
    fix_count: 1,
    signal_type: s("FROZEN_RUST_DIGEST"),
    title: s("A digest of {run}"),
    what: s("It ended with {exit}."),
    why_it_matters: s("It must read the same for ever."),
    evidence_summary: s("{names}"),
    fixes: FIXES.as_ptr(),
}];
static TABLE: Detector = Detector {
    struct_size: size_of::<Detector>() as u32,
    reserved: 0,
    default_signal_type: s("FROZEN_RUST_DIGEST"),
    templates: TEMPLATES.as_ptr(),
    template_count: 1,
    template_stride: size_of::<Template>() as u32,
    validate: Some(validate),
    create,
    destroy,
    detect,
    explain: ptr::null(),
};
static COMPONENTS: [Component; 1] = [Component {
    struct_size: size_of::<Component>() as u32,
    flags: 0,
    iface: s("dune.detector/1"),
    id: s("frozen_rust_digest"),
    title: s("Frozen digest"),
    doc: s("Writes a line for everything in a run."),
    params: PARAMS.as_ptr(),
    param_count: 2,
    param_stride: size_of::<ParamSpec>() as u32,
    vtable: &TABLE,
    get_extension: ptr::null(),
}];
static PLUGIN: Plugin = Plugin {
    magic: 0x31544E44,
    abi_major: 1,
    abi_minor: 0,
    struct_size: size_of::<Plugin>() as u32,
    min_host_minor: 0,
    id: s("dunetrace.frozen.rust"),
    vendor: s("Dunetrace"),
    version: s("1.0.0"),
    license: s("Apache-2.0"),
    components: COMPONENTS.as_ptr(),
    component_count: 1,
    component_stride: size_of::<Component>() as u32,
};

#[no_mangle]
pub extern "C" fn dune_plugin_entry_v1() -> *const Plugin {
    &PLUGIN
}
