//! {{NAME}}: the library the host loads. Between the C tables and the rule in rule.rs; the bindings in dunetrace.rs came
//! with the SDK. The host calls from one thread at a time per instance.
mod dunetrace;
mod rule;

use dunetrace::*;
use rule::{Call, Finding, Params};
use std::ffi::c_void;
use std::mem::size_of;
use std::panic::catch_unwind;

/// Texts of ours: static, so they live as long as the library.
const fn text(s: &'static str) -> dune_str {
    dune_str { ptr: s.as_ptr(), len: s.len() }
}

/// Nothing may unwind into the host: a panic becomes a failure of this call.
fn guarded(error: *mut dune_error, call: impl FnOnce() -> dune_status + std::panic::UnwindSafe) -> dune_status {
    catch_unwind(call).unwrap_or_else(|_| fail(error, DUNE_E_INTERNAL, "panic"))
}

fn fail(error: *mut dune_error, code: dune_status, why: &str) -> dune_status {
    // SAFETY: the host passes a record of its own, or NULL.
    if let Some(error) = unsafe { error.as_mut() } {
        let length = why.len().min(error.message.len());
        error.code = code;
        error.message[..length].copy_from_slice(&why.as_bytes()[..length]);
        error.message_len = length as u32;
    }
    code
}

/// The values come in the order of the table below, checked for type and range.
///
/// # Safety
/// `config` is what the host passed to this call.
unsafe fn params_of(config: *const dune_config) -> Params {
    let values = std::slice::from_raw_parts((*config).values, (*config).value_count as usize);
    Params { max_tokens: values[0].r#as.i, severe_ratio: values[1].r#as.f }
}

unsafe extern "C" fn validate(config: *const dune_config, error: *mut dune_error) -> dune_status {
    guarded(error, || match rule::check(&unsafe { params_of(config) }) {
        Ok(()) => DUNE_OK,
        Err(why) => fail(error, DUNE_E_CONFIG, why),
    })
}

unsafe extern "C" fn create(
    _host: *const dune_host,
    config: *const dune_config,
    instance: *mut *mut c_void,
    error: *mut dune_error,
) -> dune_status {
    guarded(error, || {
        unsafe { *instance = Box::into_raw(Box::new(params_of(config))).cast() };
        DUNE_OK
    })
}

unsafe extern "C" fn destroy(instance: *mut c_void) {
    drop(unsafe { Box::from_raw(instance.cast::<Params>()) });
}

/// The records of an array: stepped by its stride, never by their own size.
///
/// # Safety
/// `array` holds records of type T and outlives the iterator.
unsafe fn records<'a, T: 'a>(array: &dune_array) -> impl Iterator<Item = &'a T> {
    let (data, stride) = (array.data.cast::<u8>(), array.stride as usize);
    (0..array.count as usize).map(move |i| unsafe { &*data.add(i * stride).cast::<T>() })
}

/// A field that may be missing owns a bit in `has`.
fn given(has: u32, bit: u32, value: i64) -> i64 {
    if has & bit != 0 { value.max(0) } else { 0 }
}

unsafe extern "C" fn detect(
    instance: *mut c_void,
    run: *const dune_run,
    sink: *mut dune_sink,
    error: *mut dune_error,
) -> dune_status {
    guarded(error, || {
        let (params, run) = unsafe { (&*instance.cast::<Params>(), &*run) };
        let calls = unsafe { records::<dune_llm_call>(&run.llm_calls) }.map(|call| Call {
            step: call.step_index,
            tokens: given(call.has, DUNE_LLM_HAS_PROMPT_TOKENS, call.prompt_tokens)
                .saturating_add(given(call.has, DUNE_LLM_HAS_COMPLETION_TOKENS, call.completion_tokens)),
        });
        match rule::judge(calls, params) {
            Some(finding) => unsafe { emit(sink, &finding, params, run.current_step) },
            None => DUNE_OK,
        }
    })
}

/// # Safety
/// `sink` is what the host passed to this call of detect().
unsafe fn emit(sink: *mut dune_sink, finding: &Finding, params: &Params, step: i32) -> dune_status {
    let json = (*sink).evidence;
    let (Some(key), Some(number), Some(emit)) = ((*json).key, (*json).i64, (*sink).emit) else {
        return DUNE_E_UNSUPPORTED;
    };
    for (name, value) in [
        ("total_tokens", finding.total_tokens),
        ("max_tokens", params.max_tokens),
        ("llm_calls", finding.llm_calls),
        ("largest_step", finding.largest_step.into()),
        ("largest_tokens", finding.largest_tokens),
    ] {
        key(json, text(name));
        number(json, value);
    }
    let signal = dune_signal {
        struct_size: size_of::<dune_signal>() as u32,
        severity: if finding.severe { DUNE_SEVERITY_HIGH } else { DUNE_SEVERITY_MEDIUM },
        r#type: ABSENT,
        confidence: finding.confidence,
        step_index: step,
        reserved: 0,
        evidence_json: ABSENT,
    };
    emit(sink, &signal)
}

// ---- the tables the host reads: static, so nothing is allocated or started before create().

struct Table<T>(T);
// SAFETY: the tables are never written; the pointers in them lead to other static data.
unsafe impl<T> Sync for Table<T> {}

const ABSENT: dune_str = dune_str { ptr: std::ptr::null(), len: 0 };
const NO_CHOICES: dune_array = dune_array { data: std::ptr::null(), count: 0, stride: 0 };

const fn int(value: i64) -> dune_value {
    dune_value { r#type: DUNE_VALUE_INT, reserved: 0, r#as: dune_value_as { i: value } }
}
const fn float(value: f64) -> dune_value {
    dune_value { r#type: DUNE_VALUE_FLOAT, reserved: 0, r#as: dune_value_as { f: value } }
}
const fn param(
    name: &'static str,
    range: [dune_value; 3], // default, minimum, maximum
    unit: &'static str,
    doc: &'static str,
) -> dune_param_spec {
    dune_param_spec {
        struct_size: size_of::<dune_param_spec>() as u32,
        flags: 0,
        name: text(name),
        r#type: range[0].r#type,
        reserved: 0,
        def: range[0],
        min: range[1],
        max: range[2],
        choices: NO_CHOICES,
        unit: text(unit),
        doc: text(doc),
    }
}

static PARAMS: Table<[dune_param_spec; 2]> = Table([
    param(
        "max_tokens",
        [int(50_000), int(1), int(1_000_000_000)],
        "tokens",
        "Prompt and completion tokens of all model calls of a run together.",
    ),
    param(
        "severe_ratio",
        [float(2.0), float(1.0), float(1000.0)],
        "ratio",
        "From so many times the budget on the severity is HIGH instead of MEDIUM.",
    ),
]);

// What people read about a signal; {placeholders} are members of its evidence. The host renders it.
static FIXES: Table<[dune_fix; 1]> = Table([dune_fix {
    description: text("Stop a run that exceeds its budget"),
    language: text("text"),
    code: text("End the run after {max_tokens|number} tokens and answer with what there is."),
}]);
static TEXTS: Table<[dune_template; 1]> = Table([dune_template {
    struct_size: size_of::<dune_template>() as u32,
    fix_count: 1,
    signal_type: text("{{NAME}}"),
    title: text("{total_tokens|number} tokens in one run"),
    what: text(
        "The run used {total_tokens|number} tokens in {llm_calls|plural:\"model call\"}; its budget is \
         {max_tokens|number}. The largest call, at step {largest_step}, took {largest_tokens|number}.",
    ),
    why_it_matters: text(
        "Tokens are paid for. A run far above what its task needs is usually lost or carries too much.",
    ),
    evidence_summary: text("{total_tokens|number} of {max_tokens|number} tokens. Confidence: {confidence|pct}%"),
    fixes: FIXES.0.as_ptr(),
}]);

static DETECTOR: Table<dune_detector_v1> = Table(dune_detector_v1 {
    struct_size: size_of::<dune_detector_v1>() as u32,
    reserved: 0,
    default_signal_type: text("{{NAME}}"),
    templates: TEXTS.0.as_ptr(),
    template_count: 1,
    template_stride: size_of::<dune_template>() as u32,
    validate: Some(validate),
    create: Some(create),
    destroy: Some(destroy),
    detect: Some(detect),
    explain: None,
});

static COMPONENTS: Table<[dune_component; 1]> = Table([dune_component {
    struct_size: size_of::<dune_component>() as u32,
    flags: 0,
    iface: text(DUNE_IFACE_DETECTOR_V1),
    id: text("{{name}}"),
    title: text("{{title}}"),
    doc: text("A run used more tokens than it may."),
    params: PARAMS.0.as_ptr(),
    param_count: 2,
    param_stride: size_of::<dune_param_spec>() as u32,
    vtable: (&raw const DETECTOR.0).cast(),
    get_extension: None,
}]);

static PLUGIN: Table<dune_plugin> = Table(dune_plugin {
    magic: DUNE_MAGIC,
    abi_major: DUNE_ABI_MAJOR,
    abi_minor: DUNE_ABI_MINOR,
    struct_size: size_of::<dune_plugin>() as u32,
    min_host_minor: 0,
    id: text("com.example.{{name}}"),
    vendor: text("{{vendor}}"),
    version: text("1.0.0"),
    license: text("{{license}}"),
    components: COMPONENTS.0.as_ptr(),
    component_count: 1,
    component_stride: size_of::<dune_component>() as u32,
});

/// The only symbol the library exports.
#[no_mangle]
pub extern "C" fn dune_plugin_entry_v1() -> *const dune_plugin {
    &raw const PLUGIN.0
}
