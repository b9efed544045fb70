/* A plugin of version 1.0 in plain C, kept as a binary (frozen_c.so): two detectors, a destination and an integration
 * that together use every record, table and host extension of 1.0. It was built once and is never built again; this
 * file says what the binary does. See README.md. */
#include <dunetrace/ext/clock.h>
#include <dunetrace/ext/json.h>
#include <dunetrace/ext/metrics.h>
#include <dunetrace/plugin.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S(literal) ((dune_str)DUNE_S(literal))

static dune_status fail(dune_error* error, dune_status code, const char* format, ...) {
  va_list arguments;
  int length;
  va_start(arguments, format);
  length = vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  error->code = code;
  error->message_len = length < 0 ? 0u : (uint32_t)length;
  return code;
}

static int same(dune_str a, dune_str b) { return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0); }

/* ---- detector frozen_c_view: writes down all it is shown ------------------------------------------------------ */
enum { P_FLAG, P_LIMIT, P_FACTOR, P_TOOL, P_MODE, P_NAMES, P_TOKEN, P_OLD, P_VIEW_COUNT };
#define BOOL_V(n)                              \
  {                                            \
    .type = DUNE_VALUE_BOOL, .as = {.i = (n) } \
  }
#define INT_V(n)                              \
  {                                           \
    .type = DUNE_VALUE_INT, .as = {.i = (n) } \
  }
#define FLOAT_V(n)                              \
  {                                             \
    .type = DUNE_VALUE_FLOAT, .as = {.f = (n) } \
  }
#define TEXT_V(t)                                      \
  {                                                    \
    .type = DUNE_VALUE_STRING, .as = {.s = DUNE_S(t) } \
  }
static const dune_str modes[] = {DUNE_S("lax"), DUNE_S("strict")};
static const dune_str some_names[] = {DUNE_S("alpha"), DUNE_S("b\303\244ta"), DUNE_S("")};
#define SPEC .struct_size = sizeof(dune_param_spec)
static const dune_param_spec view_params[P_VIEW_COUNT] = {
    {SPEC, .name = DUNE_S("flag"), .type = DUNE_VALUE_BOOL, .def = BOOL_V(1), .doc = DUNE_S("Yes or no.")},
    {SPEC, .name = DUNE_S("limit"), .type = DUNE_VALUE_INT, .def = INT_V(3), .min = INT_V(1), .max = INT_V(1000),
     .unit = DUNE_S("calls"), .doc = DUNE_S("A whole number.")},
    {SPEC, .name = DUNE_S("factor"), .type = DUNE_VALUE_FLOAT, .def = FLOAT_V(1.5), .min = FLOAT_V(0),
     .max = FLOAT_V(100), .unit = DUNE_S("ratio"), .doc = DUNE_S("A number.")},
    {SPEC, .name = DUNE_S("tool"), .type = DUNE_VALUE_STRING, .def = TEXT_V("search"), .doc = DUNE_S("A text.")},
    {SPEC, .name = DUNE_S("mode"), .type = DUNE_VALUE_STRING, .def = TEXT_V("lax"),
     .choices = {modes, 2, sizeof(dune_str)}, .doc = DUNE_S("One of two texts.")},
    {SPEC, .name = DUNE_S("names"), .type = DUNE_VALUE_STRING_LIST,
     .def = {.type = DUNE_VALUE_STRING_LIST, .as = {.list = {some_names, 3, sizeof(dune_str)}}},
     .doc = DUNE_S("A list of texts.")},
    {SPEC, .flags = DUNE_PARAM_SECRET, .name = DUNE_S("token"), .type = DUNE_VALUE_STRING, .def = TEXT_V(""),
     .doc = DUNE_S("A secret.")},
    {SPEC, .flags = DUNE_PARAM_DEPRECATED, .name = DUNE_S("old_limit"), .type = DUNE_VALUE_INT, .def = INT_V(7),
     .doc = DUNE_S("The former name of limit.")},
};

typedef struct {
  const dune_host* host;
  const dune_host_json_v1* json;
  const dune_host_metrics_v1* metrics; /* NULL when there is none */
  int64_t flag, limit, old_limit;
  double factor;
  char tool[64], mode[16], names[128], category[64];
  size_t token_len;
} view_state;

static void keep(char* to, size_t size, dune_str text) {
  const size_t n = text.len < size - 1 ? text.len : size - 1;
  if (n > 0) memcpy(to, text.ptr, n);
  to[n] = '\0';
}

static dune_status view_validate(const dune_config* config, dune_error* error) {
  if (config->value_count < P_VIEW_COUNT)
    return fail(error, DUNE_E_INVALID, "%u values", (unsigned)config->value_count);
  if (same(config->values[P_MODE].as.s, S("strict")) && config->values[P_LIMIT].as.i > 500)
    return fail(error, DUNE_E_CONFIG, "limit must not exceed 500 in strict mode, it is %lld",
                (long long)config->values[P_LIMIT].as.i);
  return DUNE_OK;
}

static dune_status view_create(const dune_host* host, const dune_config* config, void** out, dune_error* error) {
  const dune_value* v = config->values;
  view_state* state;
  uint32_t i;
  size_t at = 0;
  if (config->value_count < P_VIEW_COUNT) return fail(error, DUNE_E_INVALID, "too few values");
  if (host->abi_major != 1 || !DUNE_HAS(host, dune_host, get_extension)) return fail(error, DUNE_E_UNSUPPORTED, "host");
  state = calloc(1, sizeof *state);
  if (state == NULL) return fail(error, DUNE_E_LIMIT, "out of memory");
  state->host = host;
  state->json = host->get_extension(host, S(DUNE_EXT_HOST_JSON_V1));
  state->metrics = host->get_extension(host, S(DUNE_EXT_HOST_METRICS_V1));
  if (state->json == NULL || !DUNE_HAS(state->json, dune_host_json_v1, array_len)) {
    free(state);
    return fail(error, DUNE_E_UNSUPPORTED, "the host does not offer " DUNE_EXT_HOST_JSON_V1);
  }
  state->flag = v[P_FLAG].as.i;
  state->limit = v[P_LIMIT].as.i;
  state->factor = v[P_FACTOR].as.f;
  state->old_limit = v[P_OLD].as.i;
  keep(state->tool, sizeof state->tool, v[P_TOOL].as.s);
  keep(state->mode, sizeof state->mode, v[P_MODE].as.s);
  keep(state->category, sizeof state->category, config->category);
  for (i = 0; i < v[P_NAMES].as.list.count; ++i) {
    const dune_str name = *DUNE_AT(v[P_NAMES].as.list, dune_str, i);
    if (at + name.len + 2 > sizeof state->names) break;
    if (name.len > 0) memcpy(state->names + at, name.ptr, name.len);
    at += name.len;
    state->names[at++] = '|';
  }
  state->token_len = v[P_TOKEN].as.s.len;
  host->log(host, DUNE_LOG_INFO, S("frozen_c_view was created"));
  *out = state;
  return DUNE_OK;
}

static void destroy(void* instance) { free(instance); }

static dune_str c_text(const char* text) {
  dune_str out;
  out.ptr = text;
  out.len = strlen(text);
  return out;
}

/* Writers: a value that is not there is null. */
static void put_text(dune_json* j, dune_str key, dune_str text) {
  j->key(j, key);
  if (text.ptr == NULL)
    j->null(j);
  else
    j->str(j, text);
}
static void put_i64(dune_json* j, dune_str key, int there, int64_t value) {
  j->key(j, key);
  if (there)
    j->i64(j, value);
  else
    j->null(j);
}
static void put_f64(dune_json* j, dune_str key, int there, double value) {
  j->key(j, key);
  if (there)
    j->f64(j, value);
  else
    j->null(j);
}
static void put_place(dune_json* j, int32_t step, double ts) {
  j->begin_object(j);
  put_i64(j, S("step"), 1, step);
  put_f64(j, S("ts"), 1, ts);
}

static void write_params(dune_json* j, const view_state* s) {
  j->key(j, S("params"));
  j->begin_object(j);
  j->key(j, S("flag"));
  j->boolean(j, s->flag != 0);
  put_i64(j, S("limit"), 1, s->limit);
  put_i64(j, S("old_limit"), 1, s->old_limit);
  put_f64(j, S("factor"), 1, s->factor);
  put_text(j, S("tool"), c_text(s->tool));
  put_text(j, S("mode"), c_text(s->mode));
  put_text(j, S("names"), c_text(s->names));
  put_text(j, S("category"), c_text(s->category));
  put_i64(j, S("token_length"), 1, (int64_t)s->token_len);
  j->end_object(j);
}

static void write_run(dune_json* j, const dune_run* run) {
  uint32_t i;
  put_text(j, S("run_id"), run->run_id);
  put_text(j, S("agent_id"), run->agent_id);
  put_text(j, S("agent_version"), run->agent_version);
  put_text(j, S("category"), run->category);
  put_text(j, S("parent_run_id"), run->parent_run_id);
  put_text(j, S("exit_reason"), run->exit_reason);
  put_text(j, S("input_hash"), run->input_hash);
  put_i64(j, S("current_step"), 1, run->current_step);
  put_i64(j, S("has"), 1, run->has & 0x7F); /* later versions have more bits */
  put_f64(j, S("p75_steps"), (run->has & DUNE_RUN_HAS_BASELINE_P75_STEPS) != 0, run->baseline_p75_steps);
  put_f64(j, S("p75_tool_latency"), (run->has & DUNE_RUN_HAS_BASELINE_P75_TOOL_LATENCY) != 0,
          run->baseline_p75_tool_latency_ms);
  put_f64(j, S("p75_llm_latency"), (run->has & DUNE_RUN_HAS_BASELINE_P75_LLM_LATENCY) != 0,
          run->baseline_p75_llm_latency_ms);
  put_f64(j, S("p75_token_growth"), (run->has & DUNE_RUN_HAS_BASELINE_P75_TOKEN_GROWTH) != 0,
          run->baseline_p75_token_growth);
  put_f64(j, S("p75_llm_tool_ratio"), (run->has & DUNE_RUN_HAS_BASELINE_P75_LLM_TOOL_RATIO) != 0,
          run->baseline_p75_llm_tool_ratio);
  j->key(j, S("available_tools"));
  j->begin_array(j);
  for (i = 0; i < run->available_tools.count; ++i) j->str(j, *DUNE_AT(run->available_tools, dune_str, i));
  j->end_array(j);
}

static void write_calls(dune_json* j, const dune_run* run) {
  uint32_t i;
  j->key(j, S("tool_calls"));
  j->begin_array(j);
  for (i = 0; i < run->tool_calls.count; ++i) {
    const dune_tool_call* c = DUNE_AT(run->tool_calls, dune_tool_call, i);
    put_place(j, c->step_index, c->ts);
    put_text(j, S("tool"), c->tool_name);
    put_text(j, S("args"), c->args_hash);
    put_text(j, S("error"), c->error_hash);
    put_i64(j, S("latency"), (c->has & DUNE_TOOL_HAS_LATENCY) != 0, c->latency_ms);
    put_i64(j, S("length"), (c->has & DUNE_TOOL_HAS_OUTPUT_LENGTH) != 0, c->output_length);
    put_i64(j, S("success"), (c->has & DUNE_TOOL_HAS_SUCCESS) != 0, c->success);
    j->end_object(j);
  }
  j->end_array(j);
  j->key(j, S("llm_calls"));
  j->begin_array(j);
  for (i = 0; i < run->llm_calls.count; ++i) {
    const dune_llm_call* c = DUNE_AT(run->llm_calls, dune_llm_call, i);
    put_place(j, c->step_index, c->ts);
    put_text(j, S("model"), c->model);
    put_text(j, S("finish"), c->finish_reason);
    put_i64(j, S("prompt"), (c->has & DUNE_LLM_HAS_PROMPT_TOKENS) != 0, c->prompt_tokens);
    put_i64(j, S("completion"), (c->has & DUNE_LLM_HAS_COMPLETION_TOKENS) != 0, c->completion_tokens);
    put_i64(j, S("latency"), (c->has & DUNE_LLM_HAS_LATENCY) != 0, c->latency_ms);
    put_i64(j, S("length"), (c->has & DUNE_LLM_HAS_OUTPUT_LENGTH) != 0, c->output_length);
    j->end_object(j);
  }
  j->end_array(j);
  j->key(j, S("retrievals"));
  j->begin_array(j);
  for (i = 0; i < run->retrievals.count; ++i) {
    const dune_retrieval* r = DUNE_AT(run->retrievals, dune_retrieval, i);
    put_place(j, r->step_index, r->ts);
    put_text(j, S("index"), r->index_name);
    put_i64(j, S("results"), 1, r->result_count);
    put_f64(j, S("top"), (r->has & DUNE_RETRIEVAL_HAS_TOP_SCORE) != 0, r->top_score);
    j->end_object(j);
  }
  j->end_array(j);
}

static void write_events(dune_json* j, const dune_run* run) {
  uint32_t i;
  j->key(j, S("events"));
  j->begin_array(j);
  for (i = 0; i < run->events.count; ++i) {
    const dune_event* e = DUNE_AT(run->events, dune_event, i);
    put_place(j, e->step_index, e->ts);
    put_i64(j, S("kind"), 1, e->kind);
    put_text(j, S("type"), e->type);
    j->key(j, S("payload"));
    j->raw(j, e->payload_json);
    j->end_object(j);
  }
  j->end_array(j);
  j->key(j, S("external"));
  j->begin_array(j);
  for (i = 0; i < run->external_signals.count; ++i) {
    const dune_external_signal* e = DUNE_AT(run->external_signals, dune_external_signal, i);
    put_place(j, e->step_index, e->ts);
    put_text(j, S("name"), e->name);
    put_text(j, S("source"), e->source);
    put_text(j, S("meta"), e->meta_json);
    j->end_object(j);
  }
  j->end_array(j);
  j->key(j, S("durations"));
  j->begin_array(j);
  for (i = 0; i < run->step_durations.count; ++i) {
    const dune_step_duration* d = DUNE_AT(run->step_durations, dune_step_duration, i);
    put_place(j, d->step_index, d->ts);
    put_i64(j, S("kind"), 1, d->kind);
    put_text(j, S("type"), d->type);
    put_i64(j, S("ms"), 1, d->duration_ms);
    j->end_object(j);
  }
  j->end_array(j);
}

/* What dune.host.json/1 says of a few places in every payload. */
static void write_json_reads(dune_json* j, const view_state* s, const dune_run* run) {
  static const dune_str places[] = {DUNE_S(""),        DUNE_S("/n"),       DUNE_S("/x"),
                                    DUNE_S("/flag"),   DUNE_S("/text"),    DUNE_S("/list"),
                                    DUNE_S("/list/1"), DUNE_S("/a~1b/~0"), DUNE_S("/none")};
  uint32_t i;
  size_t k;
  j->key(j, S("reads"));
  j->begin_array(j);
  for (i = 0; i < run->events.count; ++i) {
    const dune_str payload = DUNE_AT(run->events, dune_event, i)->payload_json;
    for (k = 0; k < sizeof places / sizeof places[0]; ++k) {
      uint32_t type = 99, flag = 99, count = 99;
      int64_t whole = -1;
      double number = -1;
      dune_str text = DUNE_S("untouched"), raw = DUNE_S("untouched");
      const dune_status status = s->json->type_of(s->host, payload, places[k], &type);
      if (status == DUNE_JSON_ABSENT && k > 0) continue;
      j->begin_array(j);
      j->str(j, places[k]);
      j->i64(j, status);
      j->i64(j, type);
      j->i64(j, s->json->get_i64(s->host, payload, places[k], &whole));
      j->i64(j, whole);
      j->i64(j, s->json->get_f64(s->host, payload, places[k], &number));
      j->f64(j, number);
      j->i64(j, s->json->get_bool(s->host, payload, places[k], &flag));
      j->i64(j, flag);
      j->i64(j, s->json->array_len(s->host, payload, places[k], &count));
      j->i64(j, count);
      j->i64(j, s->json->get_raw(s->host, payload, places[k], &raw));
      if (k > 0) j->str(j, raw);
      j->i64(j, s->json->get_str(s->host, payload, places[k], &text));
      j->str(j, text);
      j->end_array(j);
    }
  }
  j->end_array(j);
  {
    int64_t none = 0;
    put_i64(j, S("no_json"), 1, s->json->get_i64(s->host, S("{"), S("/n"), &none));
    put_i64(j, S("no_pointer"), 1, s->json->get_i64(s->host, S("{}"), S("n"), &none));
  }
}

/* Every kind of value the writer takes, and what it has to repair. */
static void write_values(dune_json* j) {
  const double zero = 0.0;
  j->key(j, S("values"));
  j->begin_array(j);
  j->null(j);
  j->boolean(j, 0);
  j->boolean(j, 1);
  j->i64(j, INT64_MAX);
  j->i64(j, INT64_MIN);
  j->f64(j, 0.1);
  j->f64(j, 1e300);
  j->f64(j, 1.0 / zero);
  j->f64(j, zero / zero);
  j->str(j, S("quote \" backslash \\ line\nend\ttab \001 \303\244 \342\202\254"));
  j->str(j, S("broken \377 text"));
  j->raw(j, S("{\"a\":[1,2,{\"b\":null}]}"));
  j->begin_object(j);
  j->end_object(j);
  j->begin_array(j);
  j->begin_array(j);
  j->end_array(j);
  j->end_array(j);
  j->end_array(j);
}

static dune_status view_detect(void* instance, const dune_run* run, dune_sink* sink, dune_error* error) {
  const view_state* s = instance;
  dune_signal signal;
  dune_json* j = sink->evidence;
  char text[256];
  dune_status status;
  if (!DUNE_HAS(run, dune_run, step_durations))
    return fail(error, DUNE_E_UNSUPPORTED, "a run of %u bytes", run->struct_size);
  if (same(run->agent_id, S("agent-fails")))
    return fail(error, DUNE_E_LIMIT, "asked to fail at step %d", (int)run->current_step);
  if (s->metrics != NULL) (void)s->metrics->counter_add(s->host, S("runs"), 1);

  memset(&signal, 0, sizeof signal);
  signal.struct_size = sizeof signal;
  signal.severity = DUNE_SEVERITY_LOW;
  signal.confidence = 0.25;
  write_params(j, s);
  write_run(j, run);
  write_calls(j, run);
  put_i64(j, S("cancelled"), 1, sink->cancelled(sink));
  status = sink->emit(sink, &signal);
  if (status != DUNE_OK) return fail(error, status, "the first signal was refused");

  signal.severity = DUNE_SEVERITY_MEDIUM;
  signal.step_index = run->current_step;
  write_events(j, run);
  status = sink->emit(sink, &signal);
  if (status != DUNE_OK) return fail(error, status, "the second signal was refused");

  signal.severity = DUNE_SEVERITY_CRITICAL;
  signal.confidence = 1;
  write_values(j);
  write_json_reads(j, s, run);
  status = sink->emit(sink, &signal);
  if (status != DUNE_OK) return fail(error, status, "the third signal was refused");

  (void)snprintf(text, sizeof text,
                 "{\"steps\": %d, \"tools\": [\"a\", \"b\"], \"rate\": 0.75, \"why\": \"finished text\"}",
                 (int)run->current_step);
  signal.type = S("FROZEN_C_TEXT");
  signal.severity = DUNE_SEVERITY_HIGH;
  signal.confidence = 0.9;
  signal.evidence_json = c_text(text);
  return sink->emit(sink, &signal);
}

/* FROZEN_C_TEXT only; the other type keeps what its template says. */
static dune_status view_explain(const dune_explain_in* in, dune_explain_out* out, dune_error* error) {
  static const dune_fix fix = {DUNE_S("A fix from code"), DUNE_S("text"), DUNE_S("do it")};
  const dune_host_json_v1* json;
  int64_t steps = -1;
  char text[256];
  if (!same(in->signal_type, S("FROZEN_C_TEXT"))) return fail(error, DUNE_E_UNSUPPORTED, "nothing to add");
  json = in->host->get_extension(in->host, S(DUNE_EXT_HOST_JSON_V1));
  if (json == NULL) return fail(error, DUNE_E_UNSUPPORTED, "no JSON");
  (void)json->get_i64(in->host, in->evidence_json, S("/steps"), &steps);
  (void)snprintf(text, sizeof text, "%.*s of %.*s: %lld steps, severity %u, confidence %.2f, step %d",
                 (int)in->run_id.len, in->run_id.ptr, (int)in->agent_id.len, in->agent_id.ptr, (long long)steps,
                 (unsigned)in->severity, in->confidence, (int)in->step_index);
  out->set(out, S("what"), c_text(text));
  out->add_fix(out, &fix);
  return DUNE_OK;
}

static const dune_fix view_fixes[] = {
    {DUNE_S("Keep {current_step} steps"), DUNE_S("text"), DUNE_S("limit = {params.limit}")},
    {DUNE_S("Nothing else"), DUNE_S("yaml"), DUNE_S("default:\n  frozen_c_view:\n    limit: 2\n")},
};
static const dune_template view_templates[] = {
    {.struct_size = sizeof(dune_template),
     .fix_count = 2,
     .signal_type = DUNE_S("FROZEN_C_VIEW"),
     .title = DUNE_S("A run of {agent_id}"),
     .what = DUNE_S("{run_id} has {current_step} steps."),
     .why_it_matters = DUNE_S("It must read the same for ever."),
     .evidence_summary = DUNE_S("{params.tool} and {params.limit}"),
     .fixes = view_fixes},
    {.struct_size = sizeof(dune_template),
     .signal_type = DUNE_S("FROZEN_C_TEXT"),
     .title = DUNE_S("{steps} steps"),
     .what = DUNE_S("Replaced by code."),
     .why_it_matters = DUNE_S("It must read the same for ever."),
     .evidence_summary = DUNE_S("{why}")},
};
static const dune_detector_v1 view_table = {.struct_size = sizeof(dune_detector_v1),
                                            .default_signal_type = DUNE_S("FROZEN_C_VIEW"),
                                            .templates = view_templates,
                                            .template_count = 2,
                                            .template_stride = sizeof(dune_template),
                                            .validate = view_validate,
                                            .create = view_create,
                                            .destroy = destroy,
                                            .detect = view_detect,
                                            .explain = view_explain};

/* ---- detector frozen_c_loop: a rule as people write them ------------------------------------------------------- */
enum { P_WINDOW, P_THRESHOLD, P_LOOP_COUNT };
static const dune_param_spec loop_params[P_LOOP_COUNT] = {
    {SPEC, .name = DUNE_S("window"), .type = DUNE_VALUE_INT, .def = INT_V(5), .min = INT_V(2), .max = INT_V(1000),
     .unit = DUNE_S("calls"), .doc = DUNE_S("How many of the latest tool calls are looked at.")},
    {SPEC, .name = DUNE_S("threshold"), .type = DUNE_VALUE_INT, .def = INT_V(3), .min = INT_V(2), .max = INT_V(1000),
     .unit = DUNE_S("calls"), .doc = DUNE_S("Calls of one tool inside the window that count as a loop.")},
};
typedef struct {
  int64_t window, threshold;
} loop_state;

static dune_status loop_create(const dune_host* host, const dune_config* config, void** out, dune_error* error) {
  loop_state* state = malloc(sizeof *state);
  (void)host;
  if (state == NULL) return fail(error, DUNE_E_LIMIT, "out of memory");
  state->window = config->values[P_WINDOW].as.i;
  state->threshold = config->values[P_THRESHOLD].as.i;
  *out = state;
  return DUNE_OK;
}

static dune_status loop_detect(void* instance, const dune_run* run, dune_sink* sink, dune_error* error) {
  const loop_state* s = instance;
  const uint32_t n = run->tool_calls.count, w = (uint32_t)s->window;
  dune_json* j = sink->evidence;
  uint32_t i, k;
  (void)error;
  for (i = n < w ? n : n - w; i < n; ++i) {
    const dune_str tool = DUNE_AT(run->tool_calls, dune_tool_call, i)->tool_name;
    int64_t count = 0;
    for (k = n - w; k < n; ++k) count += same(tool, DUNE_AT(run->tool_calls, dune_tool_call, k)->tool_name);
    if (count < s->threshold) continue;
    put_text(j, S("tool"), tool);
    put_i64(j, S("count"), 1, count);
    put_i64(j, S("window"), 1, s->window);
    {
      const dune_signal signal = {.struct_size = sizeof signal,
                                  .severity = DUNE_SEVERITY_HIGH,
                                  .confidence = 0.95,
                                  .step_index = run->current_step};
      return sink->emit(sink, &signal);
    }
  }
  return DUNE_OK;
}

static const dune_fix loop_fixes[] = {
    {DUNE_S("Cap calls per tool"), DUNE_S("text"), DUNE_S("Stop after {count} calls of {tool}.")}};
static const dune_template loop_template = {.struct_size = sizeof(dune_template),
                                            .fix_count = 1,
                                            .signal_type = DUNE_S("FROZEN_C_LOOP"),
                                            .title = DUNE_S("{tool} was called {count} times"),
                                            .what = DUNE_S("{tool} has {count} of the last {window} calls."),
                                            .why_it_matters = DUNE_S("It costs."),
                                            .evidence_summary = DUNE_S("{count} of {window}"),
                                            .fixes = loop_fixes};
static const dune_detector_v1 loop_table = {.struct_size = sizeof(dune_detector_v1),
                                            .default_signal_type = DUNE_S("FROZEN_C_LOOP"),
                                            .templates = &loop_template,
                                            .template_count = 1,
                                            .template_stride = sizeof(dune_template),
                                            .create = loop_create,
                                            .destroy = destroy,
                                            .detect = loop_detect};

/* ---- destination frozen_c_alert: posts every field of a batch --------------------------------------------------- */
typedef struct {
  char text[32768];
  size_t len;
} buffer;

static void add(buffer* b, const char* text, size_t len) {
  if (b->len + len > sizeof b->text) len = sizeof b->text - b->len;
  if (len > 0) memcpy(b->text + b->len, text, len);
  b->len += len;
}
static void add_c(buffer* b, const char* text) { add(b, text, strlen(text)); }
/* A line of "name=value"; {NULL,0} reads as "-". */
static void add_text(buffer* b, const char* name, dune_str text) {
  add_c(b, name);
  add_c(b, "=");
  if (text.ptr == NULL)
    add_c(b, "-");
  else
    add(b, text.ptr, text.len);
  add_c(b, "\n");
}
static void add_number(buffer* b, const char* name, double value) {
  char text[64];
  (void)snprintf(text, sizeof text, "%s=%.17g\n", name, value);
  add_c(b, text);
}

typedef struct {
  const dune_host* host;
  const dune_host_http_v1* http;
  const dune_host_clock_v1* clock;     /* NULL when there is none */
  const dune_host_metrics_v1* metrics; /* NULL when there is none */
  char url[512];
} alert_state;

static const dune_param_spec alert_params[] = {{SPEC, .flags = DUNE_PARAM_REQUIRED | DUNE_PARAM_SECRET,
                                                .name = DUNE_S("url"), .type = DUNE_VALUE_STRING,
                                                .doc = DUNE_S("Where alerts go.")}};

static dune_status alert_create(const dune_host* host, const dune_config* config, void** out, dune_error* error) {
  alert_state* state;
  if (config->value_count < 1 || config->values[0].type != DUNE_VALUE_STRING)
    return fail(error, DUNE_E_CONFIG, "no url");
  state = calloc(1, sizeof *state);
  if (state == NULL) return fail(error, DUNE_E_LIMIT, "out of memory");
  state->host = host;
  state->http = host->get_extension(host, S(DUNE_EXT_HOST_HTTP_V1));
  state->clock = host->get_extension(host, S(DUNE_EXT_HOST_CLOCK_V1));
  state->metrics = host->get_extension(host, S(DUNE_EXT_HOST_METRICS_V1));
  keep(state->url, sizeof state->url, config->values[0].as.s);
  if (state->http == NULL || !DUNE_HAS(state->http, dune_host_http_v1, send)) {
    free(state);
    return fail(error, DUNE_E_UNSUPPORTED, "the host does not grant " DUNE_EXT_HOST_HTTP_V1);
  }
  *out = state;
  return DUNE_OK;
}

static void add_alert(buffer* b, const dune_alert* a) {
  uint32_t i;
  add_number(b, "step_index", a->step_index);
  add_number(b, "severity", a->severity);
  add_text(b, "signal_id", a->signal_id);
  add_text(b, "signal_type", a->signal_type);
  add_text(b, "run_id", a->run_id);
  add_text(b, "agent_id", a->agent_id);
  add_text(b, "agent_version", a->agent_version);
  add_number(b, "confidence", a->confidence);
  add_number(b, "detected_at", a->detected_at);
  add_text(b, "title", a->title);
  add_text(b, "what", a->what);
  add_text(b, "why_it_matters", a->why_it_matters);
  add_text(b, "evidence_summary", a->evidence_summary);
  add_text(b, "evidence_json", a->evidence_json);
  for (i = 0; i < a->fix_count; ++i) {
    add_text(b, "fix", a->fixes[i].description);
    add_text(b, "language", a->fixes[i].language);
    add_text(b, "code", a->fixes[i].code);
  }
}

static dune_status alert_deliver(void* instance, const dune_alert_batch* batch, dune_delivery* delivery,
                                 dune_error* error) {
  const alert_state* s = instance;
  buffer* b = calloc(1, sizeof *b);
  const dune_header headers[] = {{DUNE_S("Content-Type"), DUNE_S("text/plain")},
                                 {DUNE_S("Idempotency-Key"), batch->idempotency_key}};
  dune_http_request request;
  dune_http_response response;
  dune_status status;
  int64_t began = 0;
  uint32_t i;
  if (b == NULL) return fail(error, DUNE_E_LIMIT, "out of memory");
  if (s->clock != NULL) began = s->clock->monotonic_ms(s->host);
  add_number(b, "attempt", batch->attempt);
  add_number(b, "deadline_ms", (double)batch->deadline_ms);
  for (i = 0; i < batch->alerts.count; ++i) add_alert(b, DUNE_AT(batch->alerts, dune_alert, i));
  memset(&request, 0, sizeof request);
  request.struct_size = sizeof request;
  request.timeout_ms = 2000;
  request.method = S("POST");
  request.url = c_text(s->url);
  request.body.ptr = b->text;
  request.body.len = b->len;
  request.headers = headers;
  request.header_count = 2;
  memset(&response, 0, sizeof response);
  response.struct_size = sizeof response;
  status = s->http->send(s->host, &request, &response, error);
  free(b);
  if (s->clock != NULL && s->metrics != NULL)
    (void)s->metrics->histogram_observe(s->host, S("delivery_ms"), (double)(s->clock->monotonic_ms(s->host) - began));
  if (status == DUNE_E_TIMEOUT || status == DUNE_E_IO) return DUNE_RETRY_LATER;
  if (status != DUNE_OK) return status;
  if (response.status >= 200 && response.status < 300) return DUNE_DELIVERED;
  if (response.status == 429 || response.status >= 500) {
    delivery->retry_after_ms = response.retry_after_ms;
    return DUNE_RETRY_LATER;
  }
  (void)fail(error, DUNE_OK, "the receiver answered %d: %.*s", (int)response.status, (int)response.body.len,
             response.body.ptr == NULL ? "" : response.body.ptr);
  return DUNE_REJECTED;
}

static const dune_alert_v1 alert_table = {.struct_size = sizeof(dune_alert_v1),
                                          .max_batch = 2,
                                          .create = alert_create,
                                          .destroy = destroy,
                                          .deliver = alert_deliver};

/* ---- integration frozen_c_actions ------------------------------------------------------------------------------- */
static const dune_action actions[] = {
    {.struct_size = sizeof(dune_action),
     .id = DUNE_S("look"),
     .title = DUNE_S("Look"),
     .doc = DUNE_S("Says what is there."),
     .input_schema_json = DUNE_S("{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"}}}")},
    {.struct_size = sizeof(dune_action),
     .mutates = 1,
     .id = DUNE_S("change"),
     .title = DUNE_S("Change"),
     .doc = DUNE_S("Changes what is there."),
     .input_schema_json = DUNE_S("{\"type\":\"object\"}")},
};

static const dune_param_spec actions_params[] = {{SPEC, .name = DUNE_S("url"), .type = DUNE_VALUE_STRING,
                                                  .def = TEXT_V("https://example.com/"),
                                                  .doc = DUNE_S("Where the other side is.")}};

static dune_status actions_invoke(void* instance, const dune_call* call, dune_json* result, dune_error* error) {
  const alert_state* s = instance;
  const dune_host_json_v1* json = s->host->get_extension(s->host, S(DUNE_EXT_HOST_JSON_V1));
  dune_http_request request;
  dune_http_response response;
  dune_str name = DUNE_S("nobody");
  dune_status status;
  if (!same(call->action, S("look")) && !same(call->action, S("change")))
    return fail(error, DUNE_E_UNSUPPORTED, "no action '%.*s'", (int)call->action.len, call->action.ptr);
  memset(&request, 0, sizeof request);
  request.struct_size = sizeof request;
  request.method = same(call->action, S("look")) ? S("GET") : S("PUT");
  request.url = c_text(s->url);
  request.body = call->input_json;
  memset(&response, 0, sizeof response);
  response.struct_size = sizeof response;
  if (call->dry_run == 0) {
    status = s->http->send(s->host, &request, &response, error);
    if (status != DUNE_OK) return status;
  }
  if (json != NULL) (void)json->get_str(s->host, call->input_json, S("/name"), &name);
  result->begin_object(result);
  put_text(result, S("action"), call->action);
  put_text(result, S("name"), name);
  put_text(result, S("key"), call->idempotency_key);
  put_i64(result, S("deadline_ms"), 1, call->deadline_ms);
  result->key(result, S("dry_run"));
  result->boolean(result, call->dry_run);
  put_i64(result, S("status"), call->dry_run == 0, response.status);
  put_text(result, S("body"), response.body);
  result->end_object(result);
  return DUNE_OK;
}

static const dune_integration_v1 actions_table = {.struct_size = sizeof(dune_integration_v1),
                                                  .action_count = 2,
                                                  .actions = actions,
                                                  .action_stride = sizeof(dune_action),
                                                  .create = alert_create,
                                                  .destroy = destroy,
                                                  .invoke = actions_invoke};

/* ---- the library --------------------------------------------------------------------------------------------------
 */
static const void* view_extension(dune_str id) {
  static const uint32_t table[2] = {sizeof table, 42};
  return same(id, S("com.example.frozen/1")) ? table : NULL;
}

#define COMPONENT .struct_size = sizeof(dune_component), .param_stride = sizeof(dune_param_spec)
static const dune_component components[] = {
    {COMPONENT, .iface = DUNE_S(DUNE_IFACE_DETECTOR_V1), .id = DUNE_S("frozen_c_view"), .title = DUNE_S("Frozen view"),
     .doc = DUNE_S("Writes down all it is shown."), .params = view_params, .param_count = P_VIEW_COUNT,
     .vtable = &view_table, .get_extension = view_extension},
    {COMPONENT, .iface = DUNE_S(DUNE_IFACE_DETECTOR_V1), .id = DUNE_S("frozen_c_loop"), .title = DUNE_S("Frozen loop"),
     .doc = DUNE_S("One tool dominates the recent calls."), .params = loop_params, .param_count = P_LOOP_COUNT,
     .vtable = &loop_table},
    {COMPONENT, .iface = DUNE_S(DUNE_IFACE_ALERT_V1), .id = DUNE_S("frozen_c_alert"),
     .title = DUNE_S("Frozen destination"), .doc = DUNE_S("Posts every field."), .params = alert_params,
     .param_count = 1, .vtable = &alert_table},
    {COMPONENT, .iface = DUNE_S(DUNE_IFACE_INTEGRATION_V1), .id = DUNE_S("frozen_c_actions"),
     .title = DUNE_S("Frozen integration"), .doc = DUNE_S("Two actions."), .params = actions_params, .param_count = 1,
     .vtable = &actions_table},
    /* An interface that no host of 1.0 knows: it must be left out, the rest must work. */
    {COMPONENT, .iface = DUNE_S("com.example.oracle/3"), .id = DUNE_S("frozen_c_oracle"), .title = DUNE_S("Unknown"),
     .doc = DUNE_S("Not for this host.")},
};
static const dune_plugin plugin = {.magic = DUNE_MAGIC,
                                   .abi_major = DUNE_ABI_MAJOR,
                                   .abi_minor = DUNE_ABI_MINOR,
                                   .struct_size = sizeof(dune_plugin),
                                   .id = DUNE_S("dunetrace.frozen.c"),
                                   .vendor = DUNE_S("Dunetrace"),
                                   .version = DUNE_S("1.0.0"),
                                   .license = DUNE_S("Apache-2.0"),
                                   .components = components,
                                   .component_count = sizeof components / sizeof components[0],
                                   .component_stride = sizeof(dune_component)};

const dune_plugin* dune_plugin_entry_v1(void) { return &plugin; }
