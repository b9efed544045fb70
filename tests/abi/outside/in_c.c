/* A detector in plain C that fires for every run of at least `steps` steps; built by check_sdk.sh only. */
#include <dunetrace/plugin.h>

#include <stdlib.h>

static const dune_param_spec params[] = {{.struct_size = sizeof(dune_param_spec),
                                          .name = DUNE_S("steps"),
                                          .type = DUNE_VALUE_INT,
                                          .def = {.type = DUNE_VALUE_INT, .as = {.i = 3}},
                                          .min = {.type = DUNE_VALUE_INT, .as = {.i = 1}},
                                          .max = {.type = DUNE_VALUE_INT, .as = {.i = 100}},
                                          .unit = DUNE_S("steps"),
                                          .doc = DUNE_S("Steps.")}};

static dune_status create(const dune_host* host, const dune_config* config, void** out, dune_error* error) {
  int64_t* steps = malloc(sizeof *steps);
  (void)host;
  (void)error;
  if (steps == NULL) return DUNE_E_LIMIT;
  *steps = config->values[0].as.i;
  *out = steps;
  return DUNE_OK;
}

static void destroy(void* instance) { free(instance); }

static dune_status detect(void* instance, const dune_run* run, dune_sink* sink, dune_error* error) {
  const dune_signal signal = {
      .struct_size = sizeof signal, .severity = DUNE_SEVERITY_LOW, .confidence = 0.5, .step_index = run->current_step};
  const dune_str key = DUNE_S("steps");
  (void)error;
  if (run->current_step < *(const int64_t*)instance) return DUNE_OK;
  sink->evidence->key(sink->evidence, key);
  sink->evidence->i64(sink->evidence, run->current_step);
  return sink->emit(sink, &signal);
}

static const dune_detector_v1 vtable = {.struct_size = sizeof(dune_detector_v1),
                                        .default_signal_type = DUNE_S("LONG_RUN"),
                                        .create = create,
                                        .destroy = destroy,
                                        .detect = detect};
static const dune_component component = {.struct_size = sizeof(dune_component),
                                         .iface = DUNE_S(DUNE_IFACE_DETECTOR_V1),
                                         .id = DUNE_S("long_run"),
                                         .title = DUNE_S("Long run"),
                                         .doc = DUNE_S("A run of many steps."),
                                         .params = params,
                                         .param_count = 1,
                                         .param_stride = sizeof(dune_param_spec),
                                         .vtable = &vtable};
static const dune_plugin plugin = {.magic = DUNE_MAGIC,
                                   .abi_major = DUNE_ABI_MAJOR,
                                   .abi_minor = DUNE_ABI_MINOR,
                                   .struct_size = sizeof(dune_plugin),
                                   .id = DUNE_S("example.long_run"),
                                   .vendor = DUNE_S("Example"),
                                   .version = DUNE_S("1.0.0"),
                                   .license = DUNE_S("Apache-2.0"),
                                   .components = &component,
                                   .component_count = 1,
                                   .component_stride = sizeof(dune_component)};

const dune_plugin* dune_plugin_entry_v1(void) { return &plugin; }
