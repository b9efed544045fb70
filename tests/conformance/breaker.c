/* A detector in C that keeps the contract, and breaks one rule of it when it is compiled with -DBREAK_<RULE>. It emits
 * one signal when a run has three tool calls or more. Built by CMakeLists.txt beside it, judged by check_rules.py.   */
#define _GNU_SOURCE
#include <dunetrace/ext/json.h>
#include <dunetrace/plugin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INT(n) { DUNE_VALUE_INT, 0, { (n) } }
#define STR(s) ((dune_str)DUNE_S(s))

typedef struct { int64_t threshold; int64_t calls; const dune_host *host; } state;

static const dune_param_spec params[] = {
  { .struct_size = sizeof(dune_param_spec), .name = DUNE_S("threshold"), .type = DUNE_VALUE_INT,
#ifdef BREAK_RANGE
    .def = INT(300),
#else
    .def = INT(3),
#endif
    .min = INT(1), .max = INT(100), .unit = DUNE_S("calls"),
#ifndef BREAK_DOC
    .doc = DUNE_S("Tool calls that are worth a signal."),
#endif
  },
};

static dune_status create(const dune_host *host, const dune_config *config, void **out, dune_error *error) {
  (void)error;
  state *s = malloc(sizeof *s);
  if (s == NULL) return DUNE_E_LIMIT;
  s->threshold = config->values[0].as.i;
  s->calls = 0;
  s->host = host;
#ifdef BREAK_LEAK_CREATE
  char *volatile lost = malloc(100);
  lost[0] = 1;
#endif
#ifdef BREAK_NO_EXTENSION
  const dune_host_json_v1 *json = host->get_extension(host, STR(DUNE_EXT_HOST_JSON_V1));
  s->calls = json->struct_size == 0;
#endif
#ifdef BREAK_EXACT_SIZE
  if (host->struct_size != sizeof *host) return DUNE_E_UNSUPPORTED;
#endif
  *out = s;
  return DUNE_OK;
}
static void destroy(void *p) { free(p); }

#ifdef BREAK_SLOW
static void spin(void) { for (volatile int i = 0; i < 40000000; ++i) { } }
#endif

/* What the variants do before they judge. */
static void misbehave(state *s, const dune_run *run) {
  (void)s, (void)run;
#ifdef BREAK_LEAK_DETECT
  char *volatile lost = malloc(100);
  lost[0] = 1;
#endif
#ifdef BREAK_WRITE
  if (run->tool_calls.count > 0) ((dune_tool_call *)(uintptr_t)run->tool_calls.data)->reserved = 7;
#endif
#ifdef BREAK_KEPT_POINTER
  static const dune_run *volatile last;
  if (last != NULL) s->calls += last->reserved == 4711;
  last = run;
#endif
#ifdef BREAK_PAST_END
  if (run->tool_calls.count == 0) return;
  const volatile char *end = (const char *)run->tool_calls.data + (size_t)run->tool_calls.count * run->tool_calls.stride;
  s->calls += *end == 'x';
#endif
#ifdef BREAK_STRLEN
  if (run->run_id.ptr != NULL) s->calls += strlen(run->run_id.ptr) == 100000;
#endif
#ifdef BREAK_EMPTY_RUN
  if (run->tool_calls.count == 0) s->calls += *(volatile int *)8;
#endif
#ifdef BREAK_MAXIMUM
  s->calls += 1000 / (int)(100 - s->threshold) == 4711;
#endif
#ifdef BREAK_SYSCALL
  s->calls += getppid() == -1;
#endif
#ifdef BREAK_FORK
  if (run->tool_calls.count == 8 && fork() == 0) _exit(0);
#endif
#ifdef BREAK_FORK_IMPORT
  if (run->current_step == -1) fork();
#endif
#ifdef BREAK_CLOSE
  for (int i = 0; i < 64; ++i) close(i);
#endif
#ifdef BREAK_EXIT
  exit(0);
#endif
#ifdef BREAK_HANG
  for (volatile int go = 1; go;) { }
#endif
#ifdef BREAK_ALLOCATE
  for (;;) memset(malloc(1 << 24), 1, 1 << 24);
#endif
#ifdef BREAK_SLOW
  if (run->events.count > 190 && run->events.count < 205) spin();
#endif
#ifdef BREAK_QUADRATIC
  volatile uint32_t pairs = 0;
  for (uint32_t i = 0; i < run->tool_calls.count; ++i)
    for (uint32_t k = 0; k < run->tool_calls.count; ++k) pairs = pairs + 1;
#endif
}

static dune_status emit(state *s, const dune_run *run, dune_sink *sink, uint32_t severity) {
  dune_json *j = sink->evidence;
  j->key(j, STR("count")), j->i64(j, run->tool_calls.count);
  j->key(j, STR("first"));
  j->str(j, DUNE_AT(run->tool_calls, dune_tool_call, 0)->tool_name);
  j->key(j, STR("last"));
#ifdef BREAK_STRIDE
  j->str(j, ((const dune_tool_call *)run->tool_calls.data)[run->tool_calls.count - 1].tool_name);
#else
  j->str(j, DUNE_AT(run->tool_calls, dune_tool_call, run->tool_calls.count - 1)->tool_name);
#endif
#ifdef BREAK_COUNTER
  j->key(j, STR("calls")), j->i64(j, s->calls);
#endif
#ifdef BREAK_UTF8
  j->key(j, STR("cut")), j->str(j, STR("\xC3"));
#endif
#ifdef BREAK_FINITE
  j->key(j, STR("ratio")), j->f64(j, (double)INFINITY);
#endif
  (void)s;
  const dune_signal signal = { .struct_size = sizeof signal, .severity = severity, .confidence = 0.5,
                               .step_index = run->current_step };
  return sink->emit(sink, &signal);
}

static dune_status detect(void *p, const dune_run *run, dune_sink *sink, dune_error *error) {
  (void)error;
  state *s = p;
  uint32_t severity = DUNE_SEVERITY_LOW;
  misbehave(s, run);
#ifdef BREAK_SHARED
  static volatile int inside;  /* two instances at once step on each other */
  if (inside) severity = DUNE_SEVERITY_HIGH;
  inside = 1;
  for (volatile int i = 0; i < 300000; ++i) { }
  inside = 0;
#endif
#ifdef BREAK_COUNTER
  ++s->calls;
#endif
#ifdef BREAK_SEVERITY
  severity = 9;
#endif
  if ((int64_t)run->tool_calls.count < s->threshold || run->tool_calls.count == 0) return DUNE_OK;
#ifdef BREAK_MANY
  for (int i = 0; i < 20; ++i) emit(s, run, sink, severity);
#endif
  emit(s, run, sink, severity);
  return DUNE_OK;
}

#ifdef BREAK_EXPLAIN
static dune_status explain(const dune_explain_in *in, dune_explain_out *out, dune_error *error) {
  static char text[] = "0";
  (void)in, (void)error;
  text[0] = text[0] == '0' ? '1' : '0';
  out->set(out, STR("title"), (dune_str){ text, 1 });
  return DUNE_OK;
}
#endif

static const dune_template text = { .struct_size = sizeof(dune_template), .signal_type = DUNE_S("BREAKER"),
#ifdef BREAK_PLACEHOLDER
  .title = DUNE_S("{counted} tool calls"),
#else
  .title = DUNE_S("{count} tool calls"),
#endif
  .what = DUNE_S("From {first} to {last}."), .why_it_matters = DUNE_S("It need not."),
  .evidence_summary = DUNE_S("{count} calls") };
static const dune_detector_v1 vtable = { .struct_size = sizeof(dune_detector_v1),
  .default_signal_type = DUNE_S("BREAKER"), .templates = &text, .template_count = 1,
  .template_stride = sizeof(dune_template), .create = create, .destroy = destroy, .detect = detect,
#ifdef BREAK_EXPLAIN
  .explain = explain,
#endif
};
static const dune_component component = { .struct_size = sizeof(dune_component),
  .iface = DUNE_S(DUNE_IFACE_DETECTOR_V1), .id = DUNE_S("breaker"), .title = DUNE_S("Breaker"),
  .doc = DUNE_S("Three tool calls or more."), .params = params, .param_count = 1,
  .param_stride = sizeof(dune_param_spec), .vtable = &vtable };
static const dune_plugin plugin = { .magic = DUNE_MAGIC, .abi_major = DUNE_ABI_MAJOR, .abi_minor = DUNE_ABI_MINOR,
  .struct_size = sizeof(dune_plugin), .id = DUNE_S("test.breaker"), .vendor = DUNE_S("Test"),
#ifdef BREAK_VERSION
  .version = DUNE_S("1.0"),
#else
  .version = DUNE_S("1.0.0"),
#endif
  .license = DUNE_S("Apache-2.0"), .components = &component, .component_count = 1,
  .component_stride = sizeof(dune_component) };

#ifdef BREAK_SLOW_SCAN
__attribute__((constructor)) static void slow(void) { for (volatile long i = 0; i < 2000000000; ++i) { } }
#endif
#ifdef BREAK_CONSTRUCTOR
__attribute__((constructor)) static void crash(void) { *(volatile int *)8 = 1; }
#endif
#ifdef BREAK_EXPORTS
DUNE_EXPORT int another(void);
int another(void) { return 1; }
#endif

#ifdef BREAK_NO_ENTRY
DUNE_EXPORT const dune_plugin *my_entry(void);
const dune_plugin *my_entry(void) { return &plugin; }
#else
DUNE_EXPORT const dune_plugin *dune_plugin_entry_v1(void) {
#ifdef BREAK_ENTRY
  static dune_plugin copies[2];
  static int turn;
  turn = !turn;
  copies[turn] = plugin;
  return &copies[turn];
#else
  return &plugin;
#endif
}
#endif
