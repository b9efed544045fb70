/* dunetrace/ext/metrics.h - host extension "dune.host.metrics/1": figures of a component's own on the host's /metrics
 * page. C99 and C++11 or later. Granted to every component.
 *
 * The host shows them as dunetrace_plugin_<component id>_<name>. A name is lower_snake_case, at most 64 bytes; one
 * component has at most 16 names, and one name is either a counter or a histogram.                                */
#ifndef DUNE_EXT_METRICS_H
#define DUNE_EXT_METRICS_H
#include <dunetrace/plugin.h>
#ifdef __cplusplus
extern "C" {
#endif

#define DUNE_EXT_HOST_METRICS_V1 "dune.host.metrics/1"

/* DUNE_OK; DUNE_E_INVALID = not such a name or value, or the other kind; DUNE_E_LIMIT = a seventeenth name. */
typedef struct dune_host_metrics_v1 {
  uint32_t struct_size; uint32_t reserved;
  dune_status (*counter_add)(const dune_host *, dune_str name, double amount);       /* [any] amount >= 0, finite    */
  dune_status (*histogram_observe)(const dune_host *, dune_str name, double value);  /* [any] finite                 */
} dune_host_metrics_v1;

#if defined(__cplusplus) && __cplusplus >= 201103L
static_assert(sizeof(dune_host_metrics_v1) == 24, "dune_host_metrics_v1 must have 24 bytes");
#elif !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(dune_host_metrics_v1) == 24, "dune_host_metrics_v1 must have 24 bytes");
#endif

#ifdef __cplusplus
}
#endif
#endif
