/* dunetrace/plugin.h - the plugin ABI, version 1.0. C99 and C++11 or later; no other dependency.
 *
 * Rules for every type below
 *   - A record that one side fills and the other reads starts with struct_size = sizeof(record) as
 *     the filling side compiled it. The reader looks at min(struct_size, its own sizeof) bytes and
 *     treats the rest as zero. Fields are only ever appended; none is removed, reordered or reused.
 *   - A record that the called side fills for its caller (dune_http_response, dune_delivery) has struct_size
 *     set by the caller, who owns the memory; the called side writes no byte beyond it.
 *   - Tables are walked by their stride. dune_value, dune_fix and dune_header never grow and have none.
 *   - Text is UTF-8 in a dune_str: not NUL-terminated, may contain NUL. {NULL,0} = absent.
 *   - Memory belongs to the side that made it. A pointer passed into a call is valid until that call
 *     returns; what must live longer is copied. Nobody frees the other side's memory.
 *   - No exception, longjmp, FILE*, errno, locale, enum-typed or bool field crosses.
 *   - Thread tags: [setup] = one thread, no other call into this library is running.
 *                  [worker] = any host thread, but one at a time per instance.
 *                  [any] = concurrently from any thread.                                          */
#ifndef DUNE_PLUGIN_H
#define DUNE_PLUGIN_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define DUNE_ABI_MAJOR 1u
#define DUNE_ABI_MINOR 0u
#define DUNE_MAGIC     0x31544E44u /* bytes 'D' 'N' 'T' '1' on little endian */

#if defined(__GNUC__) || defined(__clang__)
#  define DUNE_EXPORT __attribute__((visibility("default")))
#else
#  define DUNE_EXPORT
#endif

/* ---- primitives (frozen: never grow) ---------------------------------------------------------- */
typedef struct dune_str   { const char *ptr; size_t len; } dune_str;
typedef struct dune_array { const void *data; uint32_t count; uint32_t stride; } dune_array; /* step by stride, not sizeof */

typedef int32_t dune_status;                 /* 0 = ok, < 0 = failure, > 0 = outcome defined by the call */
enum {
  DUNE_OK = 0,
  DUNE_E_INVALID = -1,      /* caller broke the contract                */
  DUNE_E_CONFIG = -2,       /* parameter combination makes no sense     */
  DUNE_E_UNSUPPORTED = -3,
  DUNE_E_DENIED = -4,       /* host policy refuses (URL, secret, ...)   */
  DUNE_E_TIMEOUT = -5,
  DUNE_E_CANCELLED = -6,
  DUNE_E_LIMIT = -7,        /* too many / too large                     */
  DUNE_E_IO = -8,
  DUNE_E_INTERNAL = -9
};

/* Filled by the callee, owned by the caller; exactly 512 bytes for ever. */
typedef struct dune_error { dune_status code; uint32_t message_len; char message[504]; } dune_error;

enum { DUNE_VALUE_NONE = 0, DUNE_VALUE_BOOL = 1, DUNE_VALUE_INT = 2, DUNE_VALUE_FLOAT = 3, DUNE_VALUE_STRING = 4,
       DUNE_VALUE_STRING_LIST = 5 };
typedef struct dune_value {                  /* frozen */
  uint32_t type; uint32_t reserved;
  union { int64_t i; double f; dune_str s; dune_array list; } as; /* bool lives in as.i */
} dune_value;

/* ---- parameters -------------------------------------------------------------------------------- */
enum { DUNE_PARAM_REQUIRED = 1u << 0, DUNE_PARAM_SECRET = 1u << 1, DUNE_PARAM_DEPRECATED = 1u << 2 };
typedef struct dune_param_spec {
  uint32_t struct_size; uint32_t flags;
  dune_str   name;                            /* lower_snake_case, unique in the component */
  uint32_t type;  uint32_t reserved;        /* DUNE_VALUE_*                                */
  dune_value def, min, max;                   /* type NONE = not given                     */
  dune_array choices;                         /* of dune_str; empty = free                   */
  dune_str   unit;                            /* "ms", "tokens", "ratio", ...              */
  dune_str   doc;                             /* one or two sentences, shown to operators  */
} dune_param_spec;

typedef struct dune_config {                  /* resolved, validated, in schema order */
  uint32_t struct_size; uint32_t value_count;
  const dune_value *values;
  dune_str   category;                        /* section of detectors.yml that produced it */
} dune_config;

/* ---- host --------------------------------------------------------------------------------------- */
enum { DUNE_LOG_TRACE = 0, DUNE_LOG_DEBUG, DUNE_LOG_INFO, DUNE_LOG_WARN, DUNE_LOG_ERROR };
typedef struct dune_host dune_host;
struct dune_host {                            /* one per instance; valid until destroy() returns */
  uint32_t struct_size;
  uint16_t abi_major, abi_minor;
  void    *impl;
  dune_str   name, version;
  /* [any] Adds the component id, instance and run id itself; drops above a rate limit. */
  void (*log)(const dune_host *h, uint32_t level, dune_str message);
  /* [any] Interface by id, for instance "dune.host.http/1"; NULL when absent or not granted. */
  const void *(*get_extension)(const dune_host *h, dune_str id);
};

/* Streaming JSON writer implemented by the host: escapes, repairs UTF-8, turns non-finite into null.
 * Errors stick and are reported by whoever consumes the document. */
typedef struct dune_json dune_json;
struct dune_json {
  uint32_t struct_size; uint32_t reserved; void *impl;
  void (*begin_object)(dune_json *);  void (*end_object)(dune_json *);
  void (*begin_array)(dune_json *);   void (*end_array)(dune_json *);
  void (*key)(dune_json *, dune_str);
  void (*str)(dune_json *, dune_str);   void (*i64)(dune_json *, int64_t);  void (*f64)(dune_json *, double);
  void (*boolean)(dune_json *, uint32_t); void (*null)(dune_json *);      void (*raw)(dune_json *, dune_str);
};

/* ---- the run ------------------------------------------------------------------------------------
 * Every element starts with has + step_index. A field that may be missing, and every field added after
 * 1.0, owns a bit in has; an older host leaves the bit clear, so one test covers "absent" and "too old". */
enum { DUNE_TOOL_HAS_SUCCESS = 1u << 0, DUNE_TOOL_HAS_LATENCY = 1u << 1, DUNE_TOOL_HAS_OUTPUT_LENGTH = 1u << 2 };
typedef struct dune_tool_call {
  uint32_t has; int32_t step_index; double ts;      /* Unix seconds exactly as received */
  dune_str   tool_name, args_hash, error_hash;
  int64_t  latency_ms, output_length;
  uint32_t success; uint32_t reserved;
} dune_tool_call;

enum { DUNE_LLM_HAS_PROMPT_TOKENS = 1u << 0, DUNE_LLM_HAS_COMPLETION_TOKENS = 1u << 1,
       DUNE_LLM_HAS_LATENCY = 1u << 2, DUNE_LLM_HAS_OUTPUT_LENGTH = 1u << 3 };
typedef struct dune_llm_call {
  uint32_t has; int32_t step_index; double ts;
  dune_str   model, finish_reason;
  int64_t  prompt_tokens, completion_tokens, latency_ms, output_length;
} dune_llm_call;

enum { DUNE_RETRIEVAL_HAS_TOP_SCORE = 1u << 0 };
typedef struct dune_retrieval {
  uint32_t has; int32_t step_index; double ts;
  dune_str   index_name; int64_t result_count; double top_score;
} dune_retrieval;

enum { DUNE_EVENT_OTHER = 0, DUNE_EVENT_RUN_STARTED, DUNE_EVENT_RUN_COMPLETED, DUNE_EVENT_RUN_ERRORED,
       DUNE_EVENT_LLM_CALLED, DUNE_EVENT_LLM_RESPONDED, DUNE_EVENT_TOOL_CALLED, DUNE_EVENT_TOOL_RESPONDED,
       DUNE_EVENT_RETRIEVAL_CALLED, DUNE_EVENT_RETRIEVAL_RESPONDED, DUNE_EVENT_EXTERNAL_SIGNAL,
       DUNE_EVENT_POLICY_TRIGGERED };
typedef struct dune_event {
  uint32_t has; int32_t step_index; double ts;
  uint32_t kind; uint32_t reserved;                 /* DUNE_EVENT_*                                       */
  dune_str   type;                                    /* wire name, also for kinds this header lacks      */
  dune_str   payload_json;                            /* one valid JSON object                            */
} dune_event;

typedef struct dune_external_signal {
  uint32_t has; int32_t step_index; double ts;
  dune_str   name, source, meta_json;
} dune_external_signal;

/* The gap from an event to the next one, or the paired answer's latency when that is larger. Several entries may
 * share a step. Annotations (external.signal, policy.triggered) have none.                                     */
typedef struct dune_step_duration {
  uint32_t has; int32_t step_index; double ts;        /* when the step began                               */
  uint32_t kind; uint32_t reserved;                   /* DUNE_EVENT_* of the event that began it           */
  dune_str type;                                      /* its wire name                                     */
  int64_t duration_ms;
} dune_step_duration;

enum { DUNE_RUN_HAS_BASELINE_P75_STEPS = 1u << 0, DUNE_RUN_IS_COMPLETE = 1u << 1 /* has a terminal event */,
       DUNE_RUN_IS_TRUNCATED = 1u << 2 /* larger than the host replays: the view is its beginning */,
       DUNE_RUN_HAS_BASELINE_P75_TOOL_LATENCY = 1u << 3, DUNE_RUN_HAS_BASELINE_P75_LLM_LATENCY = 1u << 4,
       DUNE_RUN_HAS_BASELINE_P75_TOKEN_GROWTH = 1u << 5, DUNE_RUN_HAS_BASELINE_P75_LLM_TOOL_RATIO = 1u << 6 };
typedef struct dune_run {
  uint32_t struct_size; uint32_t has;
  dune_str   run_id, agent_id, agent_version, category, parent_run_id;
  dune_str   exit_reason, input_hash;                 /* absent while the run is open / unknown */
  int32_t  current_step; uint32_t reserved;
  /* Learned over the last runs of this agent and version; 0 while the bit in has is clear. */
  double   baseline_p75_steps, baseline_p75_tool_latency_ms, baseline_p75_llm_latency_ms;
  double   baseline_p75_token_growth, baseline_p75_llm_tool_ratio;
  dune_array available_tools;                         /* dune_str                        */
  dune_array tool_calls;                              /* dune_tool_call, by time         */
  dune_array llm_calls;                               /* dune_llm_call                   */
  dune_array retrievals;                              /* dune_retrieval                  */
  dune_array events;                                  /* dune_event, everything in order */
  dune_array external_signals;                        /* dune_external_signal            */
  dune_array step_durations;                          /* dune_step_duration              */
} dune_run;

/* ---- "dune.detector/1" ---------------------------------------------------------------------------- */
enum { DUNE_SEVERITY_LOW = 1, DUNE_SEVERITY_MEDIUM = 2, DUNE_SEVERITY_HIGH = 3, DUNE_SEVERITY_CRITICAL = 4 };
typedef struct dune_signal {
  uint32_t struct_size; uint32_t severity;
  dune_str   type;                                    /* absent = the component's default type */
  double   confidence;                              /* 0..1                                  */
  int32_t  step_index; uint32_t reserved;
  dune_str   evidence_json;                           /* absent = what was written to sink->evidence */
} dune_signal;

typedef struct dune_sink dune_sink;
struct dune_sink {                                    /* lives for one detect() */
  uint32_t struct_size; uint32_t reserved; void *impl;
  dune_json *evidence;                                /* an object is already open; emit() closes and resets it */
  dune_status (*emit)(dune_sink *, const dune_signal *);
  uint32_t  (*cancelled)(dune_sink *);                /* poll in long loops */
};

typedef struct dune_fix { dune_str description, language, code; } dune_fix;      /* frozen */
/* Rendered by the host from the evidence: "{tool} was called {count} times". The language is in docs/templates.md:
 * {path|filter:arg}, sections {?condition}…{:}…{/}; a fix whose description renders empty is left out.          */
typedef struct dune_template {
  uint32_t struct_size; uint32_t fix_count;
  dune_str   signal_type, title, what, why_it_matters, evidence_summary;
  const dune_fix *fixes;
} dune_template;

typedef struct dune_explain_in  { uint32_t struct_size; uint32_t severity; dune_str signal_type, run_id, agent_id, evidence_json;
                                double confidence; int32_t step_index; uint32_t reserved; const dune_host *host; } dune_explain_in;
typedef struct dune_explain_out dune_explain_out;
struct dune_explain_out { uint32_t struct_size; uint32_t reserved; void *impl;
  void (*set)(dune_explain_out *, dune_str field, dune_str text);               /* "title", "what", "why_it_matters", "evidence_summary" */
  void (*add_fix)(dune_explain_out *, const dune_fix *); };

typedef struct dune_detector_v1 {
  uint32_t struct_size; uint32_t reserved;
  dune_str   default_signal_type;                     /* "TOOL_LOOP" */
  const dune_template *templates; uint32_t template_count; uint32_t template_stride;
  dune_status (*validate)(const dune_config *, dune_error *);                                        /* [setup] optional  */
  dune_status (*create)(const dune_host *, const dune_config *, void **instance, dune_error *);        /* [setup]           */
  void      (*destroy)(void *instance);                                                        /* [setup]           */
  dune_status (*detect)(void *instance, const dune_run *, dune_sink *, dune_error *);                  /* [worker]          */
  dune_status (*explain)(const dune_explain_in *, dune_explain_out *, dune_error *);                   /* [any] optional    */
} dune_detector_v1;
#define DUNE_IFACE_DETECTOR_V1 "dune.detector/1"

/* ---- "dune.alert/1" -------------------------------------------------------------------------------- */
typedef struct dune_alert {
  uint32_t has; int32_t step_index; uint32_t severity; uint32_t reserved;
  dune_str   signal_id, signal_type, run_id, agent_id, agent_version;
  double   confidence, detected_at;
  dune_str   title, what, why_it_matters, evidence_summary, evidence_json;
  const dune_fix *fixes; uint32_t fix_count; uint32_t reserved2;
} dune_alert;
/* deadline_ms, here and in dune_call: how many milliseconds the call may take, counted from its beginning. */
typedef struct dune_alert_batch { uint32_t struct_size; uint32_t attempt; dune_str idempotency_key;
  dune_array alerts; int64_t deadline_ms; } dune_alert_batch;

typedef struct dune_header { dune_str name, value; } dune_header;                /* frozen */
typedef struct dune_http_request { uint32_t struct_size; uint32_t timeout_ms; dune_str method, url, body;
  const dune_header *headers; uint32_t header_count; uint32_t reserved; } dune_http_request;
/* status: of HTTP; body: absent when there was none; retry_after_ms: what the server asked for, 0 = nothing. */
typedef struct dune_http_response { uint32_t struct_size; int32_t status; dune_str body; int64_t retry_after_ms; } dune_http_response;
typedef struct dune_host_http_v1 { uint32_t struct_size; uint32_t max_response_bytes;
  /* [worker] Blocking. URL must match the operator's allow-list. Response memory: until the next send on this host. */
  dune_status (*send)(const dune_host *, const dune_http_request *, dune_http_response *, dune_error *); } dune_host_http_v1;
#define DUNE_EXT_HOST_HTTP_V1 "dune.host.http/1"

enum { DUNE_DELIVERED = 0, DUNE_RETRY_LATER = 1, DUNE_REJECTED = 2 };
/* retry_after_ms: with DUNE_RETRY_LATER, 0 = the host decides. */
typedef struct dune_delivery { uint32_t struct_size; uint32_t reserved; int64_t retry_after_ms; } dune_delivery;
typedef struct dune_alert_v1 {
  uint32_t struct_size; uint32_t max_batch;
  dune_status (*create)(const dune_host *, const dune_config *, void **instance, dune_error *);        /* [setup]  */
  void      (*destroy)(void *instance);                                                        /* [setup]  */
  dune_status (*deliver)(void *instance, const dune_alert_batch *, dune_delivery *, dune_error *);     /* [worker] */
} dune_alert_v1;
#define DUNE_IFACE_ALERT_V1 "dune.alert/1"

/* ---- "dune.integration/1" ---------------------------------------------------------------------------- */
typedef struct dune_action { uint32_t struct_size; uint32_t mutates; dune_str id, title, doc, input_schema_json; } dune_action;
typedef struct dune_call { uint32_t struct_size; uint32_t dry_run; dune_str action, input_json, idempotency_key; int64_t deadline_ms; } dune_call;
typedef struct dune_integration_v1 {
  uint32_t struct_size; uint32_t action_count; const dune_action *actions; uint32_t action_stride; uint32_t reserved;
  dune_status (*create)(const dune_host *, const dune_config *, void **instance, dune_error *);        /* [setup]  */
  void      (*destroy)(void *instance);                                                        /* [setup]  */
  dune_status (*invoke)(void *instance, const dune_call *, dune_json *result, dune_error *);           /* [worker] */
} dune_integration_v1;
#define DUNE_IFACE_INTEGRATION_V1 "dune.integration/1"

/* ---- library descriptor ------------------------------------------------------------------------------ */
typedef struct dune_component {
  uint32_t struct_size; uint32_t flags;
  dune_str   iface;                                   /* "dune.detector/1": gives the type behind vtable */
  dune_str   id;                                      /* "tool_loop": key in detectors.yml             */
  dune_str   title, doc;
  const dune_param_spec *params; uint32_t param_count; uint32_t param_stride;
  const void *vtable;
  const void *(*get_extension)(dune_str id);          /* [any] optional */
} dune_component;

typedef struct dune_plugin {
  uint32_t magic; uint16_t abi_major, abi_minor;    /* these first 16 bytes keep their place in every major version */
  uint32_t struct_size; uint32_t min_host_minor;
  dune_str   id, vendor, version, license;            /* "com.example.loops", ..., "1.4.0", SPDX id */
  const dune_component *components; uint32_t component_count; uint32_t component_stride;
} dune_plugin;

/* The only symbol a plugin library exports. Returns static data: no allocation, no thread, no I/O. */
typedef const dune_plugin *(*dune_entry_fn)(void);
DUNE_EXPORT const dune_plugin *dune_plugin_entry_v1(void);

/* ---- small helpers, plain C ---------------------------------------------------------------------------- */
#define DUNE_S(literal) { (literal), sizeof(literal) - 1 }
#define DUNE_HAS(p, type, field) ((p)->struct_size >= offsetof(type, field) + sizeof((p)->field))
#define DUNE_AT(arr, type, i) ((const type *)(const void *)((const char *)(arr).data + (size_t)(i) * (arr).stride))

/* ---- layout of version 1.0 ------------------------------------------------------------------------------
 * Asserted where the language can (C11, C++11), so that a mistake fails at the author's desk. 64-bit LP64 only. A
 * record that grows changes its line here and in sdk/plugin/abi/; a frozen one never does.                       */
#if defined(__cplusplus) && __cplusplus >= 201103L
#  define DUNE_ASSERT_SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type " must have " #bytes " bytes")
#elif !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#  define DUNE_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " must have " #bytes " bytes")
#endif
#ifdef DUNE_ASSERT_SIZE
DUNE_ASSERT_SIZE(dune_str, 16);
DUNE_ASSERT_SIZE(dune_array, 16);
DUNE_ASSERT_SIZE(dune_value, 24);
DUNE_ASSERT_SIZE(dune_error, 512);
DUNE_ASSERT_SIZE(dune_param_spec, 152);
DUNE_ASSERT_SIZE(dune_config, 32);
DUNE_ASSERT_SIZE(dune_host, 64);
DUNE_ASSERT_SIZE(dune_json, 104);
DUNE_ASSERT_SIZE(dune_tool_call, 88);
DUNE_ASSERT_SIZE(dune_llm_call, 80);
DUNE_ASSERT_SIZE(dune_retrieval, 48);
DUNE_ASSERT_SIZE(dune_event, 56);
DUNE_ASSERT_SIZE(dune_external_signal, 64);
DUNE_ASSERT_SIZE(dune_step_duration, 48);
DUNE_ASSERT_SIZE(dune_run, 280);
DUNE_ASSERT_SIZE(dune_signal, 56);
DUNE_ASSERT_SIZE(dune_sink, 40);
DUNE_ASSERT_SIZE(dune_fix, 48);
DUNE_ASSERT_SIZE(dune_template, 96);
DUNE_ASSERT_SIZE(dune_explain_in, 96);
DUNE_ASSERT_SIZE(dune_explain_out, 32);
DUNE_ASSERT_SIZE(dune_detector_v1, 80);
DUNE_ASSERT_SIZE(dune_component, 104);
DUNE_ASSERT_SIZE(dune_plugin, 96);
DUNE_ASSERT_SIZE(dune_alert, 208);
DUNE_ASSERT_SIZE(dune_alert_batch, 48);
DUNE_ASSERT_SIZE(dune_header, 32);
DUNE_ASSERT_SIZE(dune_http_request, 72);
DUNE_ASSERT_SIZE(dune_http_response, 32);
DUNE_ASSERT_SIZE(dune_host_http_v1, 16);
DUNE_ASSERT_SIZE(dune_delivery, 16);
DUNE_ASSERT_SIZE(dune_alert_v1, 32);
DUNE_ASSERT_SIZE(dune_action, 72);
DUNE_ASSERT_SIZE(dune_call, 64);
DUNE_ASSERT_SIZE(dune_integration_v1, 48);
#  undef DUNE_ASSERT_SIZE
#endif

#ifdef __cplusplus
}
#endif
#endif
