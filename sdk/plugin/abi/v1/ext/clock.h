/* dunetrace/ext/clock.h - host extension "dune.host.clock/1": what time it is. C99 and C++11 or later.
 * Granted to destinations and integrations, not to detectors: those judge data, not the present.                  */
#ifndef DUNE_EXT_CLOCK_H
#define DUNE_EXT_CLOCK_H
#include <dunetrace/plugin.h>
#ifdef __cplusplus
extern "C" {
#endif

#define DUNE_EXT_HOST_CLOCK_V1 "dune.host.clock/1"

typedef struct dune_host_clock_v1 {
  uint32_t struct_size; uint32_t reserved;
  double  (*unix_seconds)(const dune_host *);  /* [any] wall time; may step in both directions                       */
  int64_t (*monotonic_ms)(const dune_host *);  /* [any] never steps back; only differences mean anything             */
} dune_host_clock_v1;

#if defined(__cplusplus) && __cplusplus >= 201103L
static_assert(sizeof(dune_host_clock_v1) == 24, "dune_host_clock_v1 must have 24 bytes");
#elif !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(dune_host_clock_v1) == 24, "dune_host_clock_v1 must have 24 bytes");
#endif

#ifdef __cplusplus
}
#endif
#endif
