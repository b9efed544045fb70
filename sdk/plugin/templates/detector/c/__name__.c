/* {{NAME}}: a run used more tokens than it may. This rule is an example that works: change it into yours.
 * The host calls it through the tables at the end, one thread at a time per instance; C11. */
#include <dunetrace/plugin.h>

#include <stdio.h>
#include <stdlib.h>

/* ---- parameters: what operators can set in detectors.yml. The host checks type and range. */
enum { P_MAX_TOKENS, P_SEVERE_RATIO, P_COUNT };
static const dune_param_spec params[P_COUNT] = {
    [P_MAX_TOKENS] = {.struct_size = sizeof(dune_param_spec),
                      .name = DUNE_S("max_tokens"),
                      .type = DUNE_VALUE_INT,
                      .def = {.type = DUNE_VALUE_INT, .as = {.i = 50000}},
                      .min = {.type = DUNE_VALUE_INT, .as = {.i = 1}},
                      .max = {.type = DUNE_VALUE_INT, .as = {.i = 1000000000}},
                      .unit = DUNE_S("tokens"),
                      .doc = DUNE_S("Prompt and completion tokens of all model calls of a run together.")},
    [P_SEVERE_RATIO] = {.struct_size = sizeof(dune_param_spec),
                        .name = DUNE_S("severe_ratio"),
                        .type = DUNE_VALUE_FLOAT,
                        .def = {.type = DUNE_VALUE_FLOAT, .as = {.f = 2.0}},
                        .min = {.type = DUNE_VALUE_FLOAT, .as = {.f = 1.0}},
                        .max = {.type = DUNE_VALUE_FLOAT, .as = {.f = 1000.0}},
                        .unit = DUNE_S("ratio"),
                        .doc = DUNE_S("From so many times the budget on the severity is HIGH instead of MEDIUM.")},
};

/* ---- one instance: its parameters. The values come in the order of the table. */
typedef struct state {
  int64_t max_tokens;
  double severe_ratio;
} state;

static dune_status fail(dune_error *error, dune_status code, const char *why) {
  error->code = code;
  error->message_len = (uint32_t)snprintf(error->message, sizeof error->message, "%s", why);
  return code;
}

/* A rule over values that are fine each by itself; the text goes to the operator. */
static dune_status validate(const dune_config *config, dune_error *error) {
  if (config->values[P_SEVERE_RATIO].as.f > 1.0) return DUNE_OK;
  return fail(error, DUNE_E_CONFIG, "severe_ratio must be above 1: every signal would be severe");
}

static dune_status create(const dune_host *host, const dune_config *config, void **instance, dune_error *error) {
  state *s = malloc(sizeof *s);
  (void)host;
  if (s == NULL) return fail(error, DUNE_E_LIMIT, "out of memory");
  s->max_tokens = config->values[P_MAX_TOKENS].as.i;
  s->severe_ratio = config->values[P_SEVERE_RATIO].as.f;
  *instance = s;
  return DUNE_OK;
}

static void destroy(void *instance) { free(instance); }

/* Numbers are whatever a stranger sent, or not sent: sums must not overflow. */
static int64_t count_of(uint32_t has, uint32_t bit, int64_t tokens) {
  const int64_t most = 1000000000000;
  if ((has & bit) == 0 || tokens < 0) return 0;
  return tokens < most ? tokens : most;
}

static void put(dune_json *json, dune_str key, int64_t value) {
  json->key(json, key);
  json->i64(json, value);
}
#define KEY(literal) ((dune_str)DUNE_S(literal))

/* ---- the rule */
static dune_status detect(void *instance, const dune_run *run, dune_sink *sink, dune_error *error) {
  const state *s = instance;
  int64_t total = 0, largest = 0;
  int32_t largest_step = 0;
  (void)error;
  for (uint32_t i = 0; i < run->llm_calls.count; ++i) {
    const dune_llm_call *call = DUNE_AT(run->llm_calls, dune_llm_call, i); /* steps by stride, never by sizeof */
    const int64_t tokens = count_of(call->has, DUNE_LLM_HAS_PROMPT_TOKENS, call->prompt_tokens) +
                           count_of(call->has, DUNE_LLM_HAS_COMPLETION_TOKENS, call->completion_tokens);
    total += tokens;
    if (tokens > largest) {
      largest = tokens;
      largest_step = call->step_index;
    }
  }
  if (total <= s->max_tokens) return DUNE_OK;

  const double ratio = (double)total / (double)s->max_tokens;
  put(sink->evidence, KEY("total_tokens"), total);
  put(sink->evidence, KEY("max_tokens"), s->max_tokens);
  put(sink->evidence, KEY("llm_calls"), run->llm_calls.count);
  put(sink->evidence, KEY("largest_step"), largest_step);
  put(sink->evidence, KEY("largest_tokens"), largest);
  const dune_signal signal = {.struct_size = sizeof signal,
                              .severity = ratio >= s->severe_ratio ? DUNE_SEVERITY_HIGH : DUNE_SEVERITY_MEDIUM,
                              .confidence = ratio / 2 < 1.0 ? ratio / 2 : 1.0,
                              .step_index = run->current_step};
  return sink->emit(sink, &signal);
}

/* ---- what people read about a signal; {placeholders} are members of its evidence. The host renders it. */
static const dune_fix fixes[] = {
    {DUNE_S("Stop a run that exceeds its budget"), DUNE_S("text"),
     DUNE_S("End the run after {max_tokens|number} tokens and answer with what there is.")},
};
static const dune_template texts = {
    .struct_size = sizeof(dune_template),
    .signal_type = DUNE_S("{{NAME}}"),
    .title = DUNE_S("{total_tokens|number} tokens in one run"),
    .what = DUNE_S("The run used {total_tokens|number} tokens in {llm_calls|plural:\"model call\"}; its budget is "
                   "{max_tokens|number}. The largest call, at step {largest_step}, took {largest_tokens|number}."),
    .why_it_matters =
        DUNE_S("Tokens are paid for. A run far above what its task needs is usually lost or carries too much."),
    .evidence_summary = DUNE_S("{total_tokens|number} of {max_tokens|number} tokens. Confidence: {confidence|pct}%"),
    .fix_count = sizeof fixes / sizeof fixes[0],
    .fixes = fixes};

/* ---- the tables the host reads. Static: nothing is allocated or started before create(). */
static const dune_detector_v1 detector = {.struct_size = sizeof(dune_detector_v1),
                                          .default_signal_type = DUNE_S("{{NAME}}"),
                                          .templates = &texts,
                                          .template_count = 1,
                                          .template_stride = sizeof(dune_template),
                                          .validate = validate,
                                          .create = create,
                                          .destroy = destroy,
                                          .detect = detect};
static const dune_component component = {.struct_size = sizeof(dune_component),
                                         .iface = DUNE_S(DUNE_IFACE_DETECTOR_V1),
                                         .id = DUNE_S("{{name}}"),
                                         .title = DUNE_S("{{title}}"),
                                         .doc = DUNE_S("A run used more tokens than it may."),
                                         .params = params,
                                         .param_count = P_COUNT,
                                         .param_stride = sizeof(dune_param_spec),
                                         .vtable = &detector};
static const dune_plugin plugin = {.magic = DUNE_MAGIC,
                                   .abi_major = DUNE_ABI_MAJOR,
                                   .abi_minor = DUNE_ABI_MINOR,
                                   .struct_size = sizeof(dune_plugin),
                                   .id = DUNE_S("com.example.{{name}}"),
                                   .vendor = DUNE_S("{{vendor}}"),
                                   .version = DUNE_S("1.0.0"),
                                   .license = DUNE_S("{{license}}"),
                                   .components = &component,
                                   .component_count = 1,
                                   .component_stride = sizeof(dune_component)};

const dune_plugin *dune_plugin_entry_v1(void) { return &plugin; }
