//! {{title}}: posts explained alerts as lines of text to a URL. This destination is an example that works: change
//! body_of() and deliver() into what your receiver takes. The host queues, repeats and gives up; deliver() is one attempt,
//! by one thread at a time. The bindings in dunetrace.rs came with the SDK.
mod dunetrace;

use dunetrace::*;
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

/// What the host handed over: valid until the call returns.
///
/// # Safety
/// `s` comes from the host in this call.
unsafe fn bytes<'a>(s: dune_str) -> &'a [u8] {
    if s.ptr.is_null() { &[] } else { std::slice::from_raw_parts(s.ptr, s.len) }
}

const fn slice(s: &[u8]) -> dune_str {
    dune_str { ptr: s.as_ptr(), len: s.len() }
}

/// The records of an array: stepped by its stride, never by their own size.
///
/// # Safety
/// `array` holds records of type T and outlives the iterator.
unsafe fn records<'a, T: 'a>(array: &dune_array) -> impl Iterator<Item = &'a T> {
    let (data, stride) = (array.data.cast::<u8>(), array.stride as usize);
    (0..array.count as usize).map(move |i| unsafe { &*data.add(i * stride).cast::<T>() })
}

struct Instance {
    host: *const dune_host,
    http: *const dune_host_http_v1,
    url: Vec<u8>,
}

unsafe extern "C" fn create(
    host: *const dune_host,
    config: *const dune_config,
    instance: *mut *mut c_void,
    error: *mut dune_error,
) -> dune_status {
    guarded(error, || unsafe {
        let url = bytes((*(*config).values).r#as.s).to_vec();
        // Plugins open no sockets: the host sends.
        let http = (*host).get_extension.map_or(std::ptr::null(), |get| get(host, text(DUNE_EXT_HOST_HTTP_V1)));
        if http.is_null() {
            return fail(error, DUNE_E_UNSUPPORTED, "the host does not grant HTTP");
        }
        *instance = Box::into_raw(Box::new(Instance { host, http: http.cast(), url })).cast();
        DUNE_OK
    })
}

unsafe extern "C" fn destroy(instance: *mut c_void) {
    drop(unsafe { Box::from_raw(instance.cast::<Instance>()) });
}

fn severity_name(severity: u32) -> &'static str {
    ["LOW", "MEDIUM", "HIGH", "CRITICAL"].get(severity.wrapping_sub(1) as usize).unwrap_or(&"?")
}

/// One line per alert.
///
/// # Safety
/// `alert` comes from the host in this call.
unsafe fn line_of(alert: &dune_alert, out: &mut Vec<u8>) {
    let (kind, agent, title) = (bytes(alert.signal_type), bytes(alert.agent_id), bytes(alert.title));
    for part in [b"[", severity_name(alert.severity).as_bytes(), b"] ", kind, b" ", agent, b": ", title, b"\n"] {
        out.extend_from_slice(part);
    }
}

/// 2xx means delivered; 408, 425, 429, 5xx and transport errors mean later; every other answer means never.
fn outcome_of(sent: dune_status, answered: i32) -> dune_status {
    match (sent, answered) {
        (DUNE_E_DENIED | DUNE_E_INVALID, _) => sent, // the operator has to do something
        (DUNE_OK, 200..=299) => DUNE_DELIVERED,
        (DUNE_OK, 408 | 425 | 429 | 500..) => DUNE_RETRY_LATER,
        (DUNE_OK, _) => DUNE_REJECTED,
        _ => DUNE_RETRY_LATER,
    }
}

unsafe extern "C" fn deliver(
    instance: *mut c_void,
    batch: *const dune_alert_batch,
    delivery: *mut dune_delivery,
    error: *mut dune_error,
) -> dune_status {
    guarded(error, || unsafe {
        let (own, batch) = (&*instance.cast::<Instance>(), &*batch);
        let Some(send) = (*own.http).send else { return DUNE_E_UNSUPPORTED };
        let mut body = Vec::new();
        for alert in records::<dune_alert>(&batch.alerts) {
            line_of(alert, &mut body);
        }
        let headers = [
            dune_header { name: text("Content-Type"), value: text("text/plain; charset=utf-8") },
            dune_header { name: text("Idempotency-Key"), value: batch.idempotency_key }, // the same batch may come again
        ];
        let request = dune_http_request {
            struct_size: size_of::<dune_http_request>() as u32,
            timeout_ms: 10_000,
            method: text("POST"),
            url: slice(&own.url),
            body: slice(&body),
            headers: headers.as_ptr(),
            header_count: headers.len() as u32,
            reserved: 0,
        };
        let mut answer = dune_http_response {
            struct_size: size_of::<dune_http_response>() as u32,
            status: 0,
            body: ABSENT,
            retry_after_ms: 0,
        };
        let sent = send(own.host, &request, &mut answer, error);
        let outcome = outcome_of(sent, answer.status);
        if sent == DUNE_OK && outcome != DUNE_DELIVERED {
            fail(error, DUNE_OK, &format!("HTTP {}", answer.status)); // the reason, no failure
            (*delivery).retry_after_ms = answer.retry_after_ms;
        }
        outcome
    })
}

// ---- the tables the host reads: static, so nothing is allocated or started before create().

struct Table<T>(T);
// SAFETY: the tables are never written; the pointers in them lead to other static data.
unsafe impl<T> Sync for Table<T> {}

const ABSENT: dune_str = dune_str { ptr: std::ptr::null(), len: 0 };
const NO_CHOICES: dune_array = dune_array { data: std::ptr::null(), count: 0, stride: 0 };

const NOTHING: dune_value = dune_value { r#type: DUNE_VALUE_NONE, reserved: 0, r#as: dune_value_as { i: 0 } };

static PARAMS: Table<[dune_param_spec; 1]> = Table([dune_param_spec {
    struct_size: size_of::<dune_param_spec>() as u32,
    flags: DUNE_PARAM_REQUIRED | DUNE_PARAM_SECRET,
    name: text("url"),
    r#type: DUNE_VALUE_STRING,
    reserved: 0,
    def: NOTHING,
    min: NOTHING,
    max: NOTHING,
    choices: NO_CHOICES,
    unit: text(""),
    doc: text("Where alerts are posted; https."),
}]);

static DESTINATION: Table<dune_alert_v1> = Table(dune_alert_v1 {
    struct_size: size_of::<dune_alert_v1>() as u32,
    max_batch: 20, // alerts in one delivery
    create: Some(create),
    destroy: Some(destroy),
    deliver: Some(deliver),
});

static COMPONENTS: Table<[dune_component; 1]> = Table([dune_component {
    struct_size: size_of::<dune_component>() as u32,
    flags: 0,
    iface: text(DUNE_IFACE_ALERT_V1),
    id: text("{{name}}"),
    title: text("{{title}}"),
    doc: text("Posts alerts as text to a URL of yours."),
    params: PARAMS.0.as_ptr(),
    param_count: 1,
    param_stride: size_of::<dune_param_spec>() as u32,
    vtable: (&raw const DESTINATION.0).cast(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_http_says() {
        assert_eq!(outcome_of(DUNE_OK, 204), DUNE_DELIVERED);
        for later in [408, 425, 429, 500, 503] {
            assert_eq!(outcome_of(DUNE_OK, later), DUNE_RETRY_LATER);
        }
        assert_eq!(outcome_of(DUNE_OK, 404), DUNE_REJECTED);
        assert_eq!(outcome_of(DUNE_E_TIMEOUT, 0), DUNE_RETRY_LATER);
        assert_eq!(outcome_of(DUNE_E_DENIED, 0), DUNE_E_DENIED);
    }

    #[test]
    fn an_alert_is_a_line() {
        // SAFETY: all fields may be zero.
        let mut alert: dune_alert = unsafe { std::mem::zeroed() };
        (alert.severity, alert.signal_type, alert.title) = (DUNE_SEVERITY_HIGH, text("LOOP"), text("5 calls"));
        let mut line = Vec::new();
        unsafe { line_of(&alert, &mut line) };
        assert_eq!(line, b"[HIGH] LOOP : 5 calls\n");
    }
}
