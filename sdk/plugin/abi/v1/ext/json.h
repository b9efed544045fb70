/* dunetrace/ext/json.h - host extension "dune.host.json/1": read single values of a JSON text by JSON pointer, so that
 * a plugin needs no parser. C99 and C++11 or later. Granted to every component; get it once, in create():
 *
 *   const dune_host_json_v1 *json = (const dune_host_json_v1 *)host->get_extension(host, id_of_DUNE_EXT_HOST_JSON_V1);
 *   int64_t count;
 *   if (json->get_i64(host, event->payload_json, pointer, &count) == DUNE_OK) ...
 *
 * All functions are [worker]: one at a time per dune_host. Pointers are RFC 6901 ("" = the whole text, "/a/0/b~1c").
 * Of repeated member names the last one counts.                                                                  */
#ifndef DUNE_EXT_JSON_H
#define DUNE_EXT_JSON_H
#include <dunetrace/plugin.h>
#ifdef __cplusplus
extern "C" {
#endif

#define DUNE_EXT_HOST_JSON_V1 "dune.host.json/1"

/* Outcomes besides DUNE_OK; the out argument is untouched unless DUNE_OK is returned.
 * Failures: DUNE_E_INVALID = the text is no JSON, or the pointer is malformed; DUNE_E_LIMIT = too large or too deep. */
enum { DUNE_JSON_ABSENT = 1,     /* the pointer leads nowhere                                                 */
       DUNE_JSON_OTHER_TYPE = 2  /* there is a value, but it is not what was asked for (nothing is converted) */ };

enum { DUNE_JSON_TYPE_NULL = 0, DUNE_JSON_TYPE_BOOL = 1, DUNE_JSON_TYPE_INT = 2 /* written as an integer, fits 64 bits */,
       DUNE_JSON_TYPE_FLOAT = 3, DUNE_JSON_TYPE_STRING = 4, DUNE_JSON_TYPE_ARRAY = 5, DUNE_JSON_TYPE_OBJECT = 6 };

typedef struct dune_host_json_v1 {
  uint32_t struct_size; uint32_t reserved;
  dune_status (*type_of)(const dune_host *, dune_str json, dune_str pointer, uint32_t *type);   /* DUNE_JSON_TYPE_*      */
  dune_status (*get_i64)(const dune_host *, dune_str json, dune_str pointer, int64_t *value);   /* integers as written   */
  dune_status (*get_f64)(const dune_host *, dune_str json, dune_str pointer, double *value);    /* integers and floats   */
  dune_status (*get_bool)(const dune_host *, dune_str json, dune_str pointer, uint32_t *value); /* 0 or 1                */
  /* Unescaped text; valid until the next call of any of these functions with the same dune_host. */
  dune_status (*get_str)(const dune_host *, dune_str json, dune_str pointer, dune_str *text);
  /* The value's own bytes, of any type: a slice of `json`, valid as long as that is. */
  dune_status (*get_raw)(const dune_host *, dune_str json, dune_str pointer, dune_str *slice);
  dune_status (*array_len)(const dune_host *, dune_str json, dune_str pointer, uint32_t *count);
} dune_host_json_v1;

#if defined(__cplusplus) && __cplusplus >= 201103L
static_assert(sizeof(dune_host_json_v1) == 64, "dune_host_json_v1 must have 64 bytes");
#elif !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(dune_host_json_v1) == 64, "dune_host_json_v1 must have 64 bytes");
#endif

#ifdef __cplusplus
}
#endif
#endif
