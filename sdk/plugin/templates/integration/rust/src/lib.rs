//! {{title}}: lists and opens tickets over HTTP. This integration is an example that works: change the actions into
//! yours. Actions are started with `dunetrace plugin run` in this version; one call at a time per instance. The bindings in
//! dunetrace.rs came with the SDK.
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

struct Instance {
    host: *const dune_host,
    http: *const dune_host_http_v1,
    json: *const dune_host_json_v1,
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
        let extension = |id| (*host).get_extension.map_or(std::ptr::null(), |get| get(host, text(id)));
        let (http, json) = (extension(DUNE_EXT_HOST_HTTP_V1), extension(DUNE_EXT_HOST_JSON_V1));
        if http.is_null() || json.is_null() {
            return fail(error, DUNE_E_UNSUPPORTED, "the host does not grant HTTP or JSON");
        }
        *instance = Box::into_raw(Box::new(Instance { host, http: http.cast(), json: json.cast(), url })).cast();
        DUNE_OK
    })
}

unsafe extern "C" fn destroy(instance: *mut c_void) {
    drop(unsafe { Box::from_raw(instance.cast::<Instance>()) });
}

/// One exchange; the answer must be JSON and becomes member `name` of the result.
///
/// # Safety
/// Everything comes from the host in this call.
unsafe fn ask(
    own: &Instance,
    call: &dune_call,
    (method, body, name): (&'static str, dune_str, &'static str),
    result: *mut dune_json,
    error: *mut dune_error,
) -> dune_status {
    let (Some(send), Some(type_of)) = ((*own.http).send, (*own.json).type_of) else { return DUNE_E_UNSUPPORTED };
    let headers = [
        dune_header { name: text("Content-Type"), value: text("application/json") },
        dune_header { name: text("Idempotency-Key"), value: call.idempotency_key },
    ];
    let request = dune_http_request {
        struct_size: size_of::<dune_http_request>() as u32,
        timeout_ms: 10_000,
        method: text(method),
        url: slice(&own.url),
        body,
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
    if sent != DUNE_OK {
        return sent; // the host has said why
    }
    if !(200..300).contains(&answer.status) {
        return fail(error, DUNE_E_IO, "the desk refused");
    }
    let mut kind = 0;
    if type_of(own.host, answer.body, text(""), &mut kind) != DUNE_OK {
        return fail(error, DUNE_E_IO, "the desk did not answer with JSON");
    }
    write_member(result, name, answer.body)
}

/// {"name": json} as the result.
///
/// # Safety
/// `result` comes from the host in this call.
unsafe fn write_member(result: *mut dune_json, name: &'static str, json: dune_str) -> dune_status {
    let table = *result;
    let (Some(begin), Some(key), Some(raw), Some(end)) = (table.begin_object, table.key, table.raw, table.end_object) else {
        return DUNE_E_UNSUPPORTED;
    };
    begin(result);
    key(result, text(name));
    raw(result, json);
    end(result);
    DUNE_OK
}

unsafe extern "C" fn invoke(
    instance: *mut c_void,
    call: *const dune_call,
    result: *mut dune_json,
    error: *mut dune_error,
) -> dune_status {
    guarded(error, || unsafe {
        let (own, call) = (&*instance.cast::<Instance>(), &*call);
        match bytes(call.action) {
            b"list" => ask(own, call, ("GET", text(""), "tickets"), result, error),
            b"open" => {
                let Some(get_str) = (*own.json).get_str else { return DUNE_E_UNSUPPORTED };
                let mut title = ABSENT;
                if get_str(own.host, call.input_json, text("/title"), &mut title) != DUNE_OK || title.len == 0 {
                    return fail(error, DUNE_E_INVALID, "title: must be a text that is not empty");
                }
                if call.dry_run != 0 {
                    return write_member(result, "would_open", call.input_json); // change nothing: say what would be
                }
                ask(own, call, ("POST", call.input_json, "opened"), result, error)
            }
            _ => fail(error, DUNE_E_UNSUPPORTED, "there is no such action"),
        }
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
    flags: DUNE_PARAM_REQUIRED,
    name: text("url"),
    r#type: DUNE_VALUE_STRING,
    reserved: 0,
    def: NOTHING,
    min: NOTHING,
    max: NOTHING,
    choices: NO_CHOICES,
    unit: text(""),
    doc: text("Where tickets are listed (GET) and opened (POST); https."),
}]);

// With JSON schemas of their input. One that changes something must be able to do as if (dry_run).
static ACTIONS: Table<[dune_action; 2]> = Table([
    dune_action {
        struct_size: size_of::<dune_action>() as u32,
        mutates: 0,
        id: text("list"),
        title: text("List tickets"),
        doc: text("The tickets as the desk gives them."),
        input_schema_json: text(r#"{"type":"object","properties":{},"additionalProperties":false}"#),
    },
    dune_action {
        struct_size: size_of::<dune_action>() as u32,
        mutates: 1,
        id: text("open"),
        title: text("Open a ticket"),
        doc: text("Opens a ticket with this title."),
        input_schema_json: text(
            r#"{"type":"object","required":["title"],"properties":{"title":{"type":"string"}},"additionalProperties":false}"#,
        ),
    },
]);

static INTEGRATION: Table<dune_integration_v1> = Table(dune_integration_v1 {
    struct_size: size_of::<dune_integration_v1>() as u32,
    action_count: 2,
    actions: ACTIONS.0.as_ptr(),
    action_stride: size_of::<dune_action>() as u32,
    reserved: 0,
    create: Some(create),
    destroy: Some(destroy),
    invoke: Some(invoke),
});

static COMPONENTS: Table<[dune_component; 1]> = Table([dune_component {
    struct_size: size_of::<dune_component>() as u32,
    flags: 0,
    iface: text(DUNE_IFACE_INTEGRATION_V1),
    id: text("{{name}}"),
    title: text("{{title}}"),
    doc: text("Lists and opens tickets of a desk."),
    params: PARAMS.0.as_ptr(),
    param_count: 1,
    param_stride: size_of::<dune_param_spec>() as u32,
    vtable: (&raw const INTEGRATION.0).cast(),
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
    fn what_changes_something_says_so() {
        let changes: Vec<_> = ACTIONS.0.iter().map(|action| (unsafe { bytes(action.id) }, action.mutates)).collect();
        assert_eq!(changes, [(&b"list"[..], 0), (&b"open"[..], 1)]);
    }

    #[test]
    fn an_entry_describes_one_component() {
        let plugin = unsafe { &*dune_plugin_entry_v1() };
        assert_eq!((plugin.magic, plugin.component_count), (DUNE_MAGIC, 1));
        assert_eq!(unsafe { bytes((*plugin.components).iface) }, DUNE_IFACE_INTEGRATION_V1.as_bytes());
    }

    #[test]
    fn failures_keep_their_reason() {
        let mut error = dune_error { code: 0, message_len: 0, message: [0; 504] };
        assert_eq!(fail(&mut error, DUNE_E_IO, &"x".repeat(600)), DUNE_E_IO);
        assert_eq!((error.code, error.message_len), (DUNE_E_IO, 504));
    }
}
