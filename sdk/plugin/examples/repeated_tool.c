/* A detector in C: one tool dominates the latest calls. Nothing but the contract's header is needed. */
#include <dunetrace/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { P_WINDOW, P_THRESHOLD, P_COUNT };

#define INT(v) { DUNE_VALUE_INT, 0, { (v) } }
static const dune_param_spec params[P_COUNT] = {
  { .struct_size = sizeof(dune_param_spec), .name = DUNE_S("window"), .type = DUNE_VALUE_INT, .def = INT(5), .min = INT(2),
    .max = INT(1000), .unit = DUNE_S("calls"), .doc = DUNE_S("How many of the latest tool calls are looked at.") },
  { .struct_size = sizeof(dune_param_spec), .name = DUNE_S("threshold"), .type = DUNE_VALUE_INT, .def = INT(3),
    .min = INT(2), .max = INT(1000), .unit = DUNE_S("calls"),
    .doc = DUNE_S("Calls of one tool inside the window that count as a repetition.") },
};

typedef struct { int64_t window, threshold; } state;

static dune_status failure(dune_error *e, dune_status code, const char *why) {
  e->code = code;
  e->message_len = (uint32_t)snprintf(e->message, sizeof e->message, "%s", why);
  return code;
}

static dune_status validate(const dune_config *c, dune_error *e) {
  if (c->values[P_THRESHOLD].as.i <= c->values[P_WINDOW].as.i) return DUNE_OK;
  return failure(e, DUNE_E_CONFIG, "threshold must not exceed window");
}

static dune_status create(const dune_host *h, const dune_config *c, void **out, dune_error *e) {
  state *s = malloc(sizeof *s);
  (void)h;
  if (s == NULL) return failure(e, DUNE_E_LIMIT, "out of memory");
  s->window = c->values[P_WINDOW].as.i;
  s->threshold = c->values[P_THRESHOLD].as.i;
  *out = s;
  return DUNE_OK;
}

static void destroy(void *p) { free(p); }

static int same(dune_str a, dune_str b) { return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0; }

static dune_status detect(void *p, const dune_run *run, dune_sink *sink, dune_error *e) {
  const state *s = p;
  const uint32_t n = run->tool_calls.count, w = (uint32_t)s->window;
  (void)e;
  if (n < w) return DUNE_OK;
  for (uint32_t i = n - w; i < n; ++i) {
    const dune_str tool = DUNE_AT(run->tool_calls, dune_tool_call, i)->tool_name;
    int64_t count = 0;
    for (uint32_t k = n - w; k < n; ++k) count += same(tool, DUNE_AT(run->tool_calls, dune_tool_call, k)->tool_name);
    if (count < s->threshold) continue;
    dune_json *j = sink->evidence;
    j->key(j, (dune_str)DUNE_S("tool"));
    j->str(j, tool);
    j->key(j, (dune_str)DUNE_S("count"));
    j->i64(j, count);
    j->key(j, (dune_str)DUNE_S("window"));
    j->i64(j, s->window);
    const dune_signal signal = { .struct_size = sizeof signal, .severity = DUNE_SEVERITY_HIGH, .confidence = 0.95,
                                 .step_index = run->current_step };
    return sink->emit(sink, &signal);
  }
  return DUNE_OK;
}

static const dune_fix fixes[] = { { DUNE_S("Cap the calls of one tool"), DUNE_S("text"),
                                    DUNE_S("Stop after {count} calls of {tool} in a row.") } };
static const dune_template text = {
  .struct_size = sizeof(dune_template), .fix_count = 1, .fixes = fixes, .signal_type = DUNE_S("REPEATED_TOOL"),
  .title = DUNE_S("{tool} was called {count} times in {window} calls"),
  .what = DUNE_S("Of the latest {window} tool calls {count} went to {tool}."),
  .why_it_matters = DUNE_S("An agent that repeats itself spends money without coming closer to its goal."),
  .evidence_summary = DUNE_S("{count} of the latest {window} calls") };
static const dune_detector_v1 vtable = {
  .struct_size = sizeof(dune_detector_v1), .default_signal_type = DUNE_S("REPEATED_TOOL"), .templates = &text,
  .template_count = 1, .template_stride = sizeof(dune_template), .validate = validate, .create = create,
  .destroy = destroy, .detect = detect };
static const dune_component component = {
  .struct_size = sizeof(dune_component), .iface = DUNE_S(DUNE_IFACE_DETECTOR_V1), .id = DUNE_S("repeated_tool"),
  .title = DUNE_S("Repeated tool"), .doc = DUNE_S("One tool dominates the latest calls."), .params = params,
  .param_count = P_COUNT, .param_stride = sizeof(dune_param_spec), .vtable = &vtable };
static const dune_plugin plugin = {
  .magic = DUNE_MAGIC, .abi_major = DUNE_ABI_MAJOR, .abi_minor = DUNE_ABI_MINOR, .struct_size = sizeof(dune_plugin),
  .id = DUNE_S("example.repeated_tool"), .vendor = DUNE_S("Example"), .version = DUNE_S("1.0.0"),
  .license = DUNE_S("Apache-2.0"), .components = &component, .component_count = 1,
  .component_stride = sizeof(dune_component) };

const dune_plugin *dune_plugin_entry_v1(void) { return &plugin; }
