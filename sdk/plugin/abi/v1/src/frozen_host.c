/* The host of version 1.0, as small as a host can be, kept as a binary (frozen_host): loads one plugin library, shows
 * its detectors the runs of a text file, lets its destinations deliver and its integrations act against an HTTP server
 * that is a function in here, and prints what they did, one JSON object a line. It knows the records of 1.0 and no
 * later ones: whatever is built later must work with it. It was built once and is never built again. See README.md.
 *
 *   frozen_host PLUGIN.so RUNS.txt [--input JSON] [--reply JSON]
 *
 * --input is what actions of integrations get, --reply the body of every HTTP answer. Exit code: 0, 1 = something of
 * the plugin failed (its line says what), 2 = wrong call or a library that version 1.0 refuses.
 * One file on purpose: it is frozen as a whole. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <dunetrace/ext/clock.h>
#include <dunetrace/ext/json.h>
#include <dunetrace/ext/metrics.h>
#include <dunetrace/plugin.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define END_OF(type, field) (offsetof(type, field) + sizeof(((type*)0)->field))
#define S(literal) ((dune_str)DUNE_S(literal))
#define PADDING 24u /* bytes of 0xEE behind every element: stepping by one's own sizeof fails */

static int failures = 0;
static const char* http_body = "{\"ok\":true}";

static void* must(void* memory) {
  if (memory == NULL) {
    fprintf(stderr, "frozen_host: out of memory\n");
    exit(2);
  }
  return memory;
}

static dune_str c_text(const char* text) {
  dune_str out = {text, strlen(text)};
  return out;
}
static int same(dune_str a, dune_str b) { return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0); }

/* A record of a plugin: min(theirs, ours) bytes, the rest zero. */
static int take(const void* from, void* to, size_t ours, size_t minimum, size_t size_at) {
  uint32_t theirs;
  memset(to, 0, ours);
  if (from == NULL) return 0;
  memcpy(&theirs, (const char*)from + size_at, sizeof theirs);
  if (theirs < minimum || theirs > 65536) return 0;
  memcpy(to, from, theirs < ours ? theirs : ours);
  return 1;
}

/* ---- writing JSON -------------------------------------------------------------------------------------------- */
typedef struct {
  char* text;
  size_t len, size;
  int comma, broken, depth;
} writer;

static void put(writer* w, const char* text, size_t len) {
  if (w->len + len + 1 > w->size) {
    w->size = (w->len + len + 1) * 2;
    w->text = must(realloc(w->text, w->size));
  }
  if (len > 0) memcpy(w->text + w->len, text, len);
  w->len += len;
  w->text[w->len] = '\0';
}
static void put_c(writer* w, const char* text) { put(w, text, strlen(text)); }
static void separate(writer* w) {
  if (w->comma) put_c(w, ",");
  w->comma = 1;
}
/* Bytes of the UTF-8 character at p, 0 when there is none. */
static size_t character(const char* p, size_t left) {
  const unsigned char c = (unsigned char)p[0];
  const size_t len = c < 0x80 ? 1 : c >= 0xC2 && c < 0xE0 ? 2 : (c & 0xF0) == 0xE0 ? 3 : c >= 0xF0 && c < 0xF5 ? 4 : 0;
  if (len == 0 || len > left) return 0;
  for (size_t i = 1; i < len; ++i) {
    if (((unsigned char)p[i] & 0xC0) != 0x80) return 0;
  }
  return len;
}
static void put_quoted(writer* w, dune_str text) {
  size_t i;
  put_c(w, "\"");
  for (i = 0; i < text.len; ++i) {
    const unsigned char c = (unsigned char)text.ptr[i];
    const size_t len = character(text.ptr + i, text.len - i);
    char escape[8];
    if (len != 1) {
      if (len == 0)
        put_c(w, "\357\277\275");
      else
        put(w, text.ptr + i, len);
      i += len == 0 ? 0 : len - 1;
      continue;
    }
    if (c == '"' || c == '\\') {
      (void)snprintf(escape, sizeof escape, "\\%c", c);
      put_c(w, escape);
    } else if (c < 0x20) {
      (void)snprintf(escape, sizeof escape, "\\u%04x", c);
      put_c(w, escape);
    } else {
      put(w, text.ptr + i, 1);
    }
  }
  put_c(w, "\"");
}
static void put_number(writer* w, double value) {
  char text[40];
  int digits;
  if (!isfinite(value)) {
    put_c(w, "null");
    return;
  }
  for (digits = 1; digits <= 17; ++digits) {
    (void)snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  put_c(w, text);
}
static void put_whole(writer* w, int64_t value) {
  char text[32];
  (void)snprintf(text, sizeof text, "%lld", (long long)value);
  put_c(w, text);
}

static writer* self(dune_json* j) { return j->impl; }
static void open_with(dune_json* j, const char* brace) {
  separate(self(j));
  put_c(self(j), brace);
  self(j)->comma = 0;
  ++self(j)->depth;
}
static void close_with(dune_json* j, const char* brace) {
  put_c(self(j), brace);
  self(j)->comma = 1;
  if (--self(j)->depth < 0) self(j)->broken = 1;
}
static void j_begin_object(dune_json* j) { open_with(j, "{"); }
static void j_end_object(dune_json* j) { close_with(j, "}"); }
static void j_begin_array(dune_json* j) { open_with(j, "["); }
static void j_end_array(dune_json* j) { close_with(j, "]"); }
static void j_key(dune_json* j, dune_str name) {
  separate(self(j));
  put_quoted(self(j), name);
  put_c(self(j), ":");
  self(j)->comma = 0;
}
static void j_str(dune_json* j, dune_str text) {
  separate(self(j));
  put_quoted(self(j), text);
}
static void j_i64(dune_json* j, int64_t value) {
  separate(self(j));
  put_whole(self(j), value);
}
static void j_f64(dune_json* j, double value) {
  separate(self(j));
  put_number(self(j), value);
}
static void j_boolean(dune_json* j, uint32_t value) {
  separate(self(j));
  put_c(self(j), value ? "true" : "false");
}
static void j_null(dune_json* j) {
  separate(self(j));
  put_c(self(j), "null");
}
static void j_raw(dune_json* j, dune_str json) {
  separate(self(j));
  put(self(j), json.ptr, json.len);
}
static dune_json json_for(writer* w) {
  const dune_json out = {sizeof out, 0,     w,     j_begin_object, j_end_object, j_begin_array, j_end_array,
                         j_key,      j_str, j_i64, j_f64,          j_boolean,    j_null,        j_raw};
  return out;
}

/* ---- reading JSON: dune.host.json/1 ----------------------------------------------------------------------------- */
static const char* skip_space(const char* p, const char* end) {
  while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) ++p;
  return p;
}
static const char* skip_string(const char* p, const char* end) {
  if (p == end || *p != '"') return NULL;
  for (++p; p < end; ++p) {
    if (*p == '"') return p + 1;
    if (*p == '\\' && ++p == end) return NULL;
  }
  return NULL;
}
/* Past the value at p, NULL when there is none. */
static const char* skip_value(const char* p, const char* end, int depth) {
  static const char* const words[] = {"true", "false", "null"};
  size_t i;
  p = skip_space(p, end);
  if (p == end || depth > 64) return NULL;
  if (*p == '"') return skip_string(p, end);
  if (*p == '{' || *p == '[') {
    const char close = *p == '{' ? '}' : ']';
    p = skip_space(p + 1, end);
    if (p < end && *p == close) return p + 1;
    while (p < end) {
      if (close == '}') {
        p = skip_string(skip_space(p, end), end);
        if (p == NULL || (p = skip_space(p, end)) == end || *p != ':') return NULL;
        ++p;
      }
      p = skip_value(p, end, depth + 1);
      if (p == NULL || (p = skip_space(p, end)) == end) return NULL;
      if (*p == close) return p + 1;
      if (*p++ != ',') return NULL;
    }
    return NULL;
  }
  for (i = 0; i < 3; ++i) {
    const size_t n = strlen(words[i]);
    if ((size_t)(end - p) >= n && memcmp(p, words[i], n) == 0) return p + n;
  }
  {
    const char* const begin = p;
    while (p < end && strchr("+-0123456789.eE", *p) != NULL) ++p;
    return p > begin && p[-1] >= '0' && p[-1] <= '9' ? p : NULL;
  }
}

static unsigned hex4(const char* p) {
  char text[5] = {p[0], p[1], p[2], p[3], '\0'};
  return (unsigned)strtoul(text, NULL, 16);
}
static size_t utf8(unsigned code, char* to) {
  if (code < 0x80) return to[0] = (char)code, 1;
  if (code < 0x800) return to[0] = (char)(0xC0 | code >> 6), to[1] = (char)(0x80 | (code & 0x3F)), 2;
  if (code < 0x10000)
    return to[0] = (char)(0xE0 | code >> 12), to[1] = (char)(0x80 | (code >> 6 & 0x3F)),
           to[2] = (char)(0x80 | (code & 0x3F)), 3;
  to[0] = (char)(0xF0 | code >> 18), to[1] = (char)(0x80 | (code >> 12 & 0x3F));
  return to[2] = (char)(0x80 | (code >> 6 & 0x3F)), to[3] = (char)(0x80 | (code & 0x3F)), 4;
}
/* The text of the string literal [p, end), in memory that lives until the next call. */
static dune_str unquoted(const char* p, const char* end) {
  static char* memory = NULL;
  dune_str out;
  memory = must(realloc(memory, (size_t)(end - p) + 8));
  out.ptr = memory;
  out.len = 0;
  for (++p, --end; p < end; ++p) {
    if (*p != '\\') {
      memory[out.len++] = *p;
      continue;
    }
    ++p;
    if (*p == 'u' && end - p > 4) {
      unsigned code = hex4(p + 1);
      p += 4;
      if (code >= 0xD800 && code < 0xDC00 && end - p > 6 && p[1] == '\\' && p[2] == 'u') {
        code = 0x10000 + ((code - 0xD800) << 10) + (hex4(p + 3) - 0xDC00);
        p += 6;
      }
      out.len += utf8(code, memory + out.len);
    } else {
      static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
      const char* at = strchr(from, *p);
      memory[out.len++] = at != NULL && *p != '\0' ? to[at - from] : *p;
    }
  }
  return out;
}

/* One name of a pointer, unescaped; at most 255 bytes. */
static const char* pointer_name(const char* p, const char* end, char* name, size_t* len) {
  *len = 0;
  for (; p < end && *p != '/' && *len < 255; ++p) {
    char c = *p;
    if (c == '~' && p + 1 < end) c = *++p == '1' ? '/' : '~';
    name[(*len)++] = c;
  }
  return p;
}

/* The member or element `name` of the container at p; NULL when there is none. Of repeated names the last one. */
static const char* child_of(const char* p, const char* end, const char* name, size_t len) {
  const int object = *p == '{';
  const char* found = NULL;
  long index = 0;
  char* stop;
  char digits[256];
  memcpy(digits, name, len);
  digits[len] = '\0';
  if (!object && *p != '[') return NULL;
  p = skip_space(p + 1, end);
  while (p < end && *p != '}' && *p != ']') {
    int hit;
    if (object) {
      const char* after = skip_string(p, end);
      hit = same(unquoted(p, after), (dune_str){name, len});
      p = skip_space(skip_space(after, end) + 1, end);
    } else {
      hit = len > 0 && strtol(digits, &stop, 10) == index++ && *stop == '\0' && digits[0] >= '0' && digits[0] <= '9';
    }
    if (hit) found = p;
    p = skip_space(skip_value(p, end, 0), end);
    if (p < end && *p == ',') p = skip_space(p + 1, end);
  }
  return found;
}

static dune_status find(dune_str json, dune_str pointer, dune_str* value) {
  const char *p = skip_space(json.ptr, json.ptr + json.len), *const end = json.ptr + json.len;
  const char *at = pointer.ptr, *const stop = pointer.ptr + pointer.len;
  const char* whole = skip_value(p, end, 0);
  if (json.ptr == NULL || whole == NULL || skip_space(whole, end) != end) return DUNE_E_INVALID;
  while (at < stop) {
    char name[256];
    size_t len;
    if (*at != '/') return DUNE_E_INVALID;
    at = pointer_name(at + 1, stop, name, &len);
    p = child_of(p, end, name, len);
    if (p == NULL) return DUNE_JSON_ABSENT;
  }
  value->ptr = p;
  value->len = (size_t)(skip_value(p, end, 0) - p);
  return DUNE_OK;
}

static int is_whole(dune_str v, int64_t* out) {
  char text[32], *stop;
  if (v.len == 0 || v.len >= sizeof text || memchr(v.ptr, '.', v.len) || memchr(v.ptr, 'e', v.len) ||
      memchr(v.ptr, 'E', v.len))
    return 0;
  memcpy(text, v.ptr, v.len);
  text[v.len] = '\0';
  errno = 0;
  *out = strtoll(text, &stop, 10);
  return *stop == '\0' && errno == 0;
}
static int is_number(dune_str v, double* out) {
  char text[400];
  if (v.len == 0 || v.len >= sizeof text || strchr("-0123456789", v.ptr[0]) == NULL) return 0;
  memcpy(text, v.ptr, v.len);
  text[v.len] = '\0';
  *out = strtod(text, NULL);
  return 1;
}
static dune_status json_type_of(const dune_host* h, dune_str json, dune_str pointer, uint32_t* type) {
  dune_str v;
  int64_t whole;
  const dune_status status = find(json, pointer, &v);
  (void)h;
  if (status != DUNE_OK) return status;
  switch (v.ptr[0]) {
    case '{':
      *type = DUNE_JSON_TYPE_OBJECT;
      break;
    case '[':
      *type = DUNE_JSON_TYPE_ARRAY;
      break;
    case '"':
      *type = DUNE_JSON_TYPE_STRING;
      break;
    case 'n':
      *type = DUNE_JSON_TYPE_NULL;
      break;
    case 't':
    case 'f':
      *type = DUNE_JSON_TYPE_BOOL;
      break;
    default:
      *type = is_whole(v, &whole) ? DUNE_JSON_TYPE_INT : DUNE_JSON_TYPE_FLOAT;
  }
  return DUNE_OK;
}
static dune_status json_get_i64(const dune_host* h, dune_str json, dune_str pointer, int64_t* value) {
  dune_str v;
  int64_t whole;
  const dune_status status = find(json, pointer, &v);
  (void)h;
  if (status != DUNE_OK) return status;
  if (!is_whole(v, &whole)) return DUNE_JSON_OTHER_TYPE;
  *value = whole;
  return DUNE_OK;
}
static dune_status json_get_f64(const dune_host* h, dune_str json, dune_str pointer, double* value) {
  dune_str v;
  const dune_status status = find(json, pointer, &v);
  (void)h;
  if (status != DUNE_OK) return status;
  return is_number(v, value) ? DUNE_OK : DUNE_JSON_OTHER_TYPE;
}
static dune_status json_get_bool(const dune_host* h, dune_str json, dune_str pointer, uint32_t* value) {
  dune_str v;
  const dune_status status = find(json, pointer, &v);
  (void)h;
  if (status != DUNE_OK) return status;
  if (v.ptr[0] != 't' && v.ptr[0] != 'f') return DUNE_JSON_OTHER_TYPE;
  *value = v.ptr[0] == 't';
  return DUNE_OK;
}
static dune_status json_get_str(const dune_host* h, dune_str json, dune_str pointer, dune_str* text) {
  dune_str v;
  const dune_status status = find(json, pointer, &v);
  (void)h;
  if (status != DUNE_OK) return status;
  if (v.ptr[0] != '"') return DUNE_JSON_OTHER_TYPE;
  *text = unquoted(v.ptr, v.ptr + v.len);
  return DUNE_OK;
}
static dune_status json_get_raw(const dune_host* h, dune_str json, dune_str pointer, dune_str* slice) {
  dune_str v;
  const dune_status status = find(json, pointer, &v);
  (void)h;
  if (status == DUNE_OK) *slice = v;
  return status;
}
static dune_status json_array_len(const dune_host* h, dune_str json, dune_str pointer, uint32_t* count) {
  dune_str v;
  const char* p;
  const dune_status status = find(json, pointer, &v);
  (void)h;
  if (status != DUNE_OK) return status;
  if (v.ptr[0] != '[') return DUNE_JSON_OTHER_TYPE;
  p = skip_space(v.ptr + 1, v.ptr + v.len);
  for (*count = 0; *p != ']'; ++*count) {
    p = skip_space(skip_value(p, v.ptr + v.len, 0), v.ptr + v.len);
    if (*p == ',') ++p;
  }
  return DUNE_OK;
}

/* ---- the other services ----------------------------------------------------------------------------------------- */
typedef struct {
  dune_host table;
  dune_str component;
  int may_act;             /* destinations and integrations: clock and HTTP */
  writer requests;         /* of the current call, as elements of an array */
  dune_status http_status; /* what send() returns */
  int32_t answer;          /* the HTTP status */
  int64_t retry_after_ms, ticks;
  int logs, counted;
} instance_host;

static instance_host* of(const dune_host* h) { return h->impl; }
static void host_log(const dune_host* h, uint32_t level, dune_str message) {
  (void)level;
  (void)message;
  ++of(h)->logs;
}
static double clock_unix(const dune_host* h) { return (void)h, 1755000000.0; }
static int64_t clock_monotonic(const dune_host* h) { return of(h)->ticks += 5; }
static dune_status metrics_add(const dune_host* h, dune_str name, double amount) {
  ++of(h)->counted;
  return name.len > 0 && amount >= 0 ? DUNE_OK : DUNE_E_INVALID;
}
static dune_status metrics_observe(const dune_host* h, dune_str name, double value) {
  ++of(h)->counted;
  return name.len > 0 && isfinite(value) ? DUNE_OK : DUNE_E_INVALID;
}
static dune_status http_send(const dune_host* h, const dune_http_request* given, dune_http_response* to,
                             dune_error* error) {
  instance_host* host = of(h);
  dune_http_request request;
  dune_http_response response;
  dune_json j = json_for(&host->requests);
  if (!take(given, &request, sizeof request, END_OF(dune_http_request, reserved), 0)) return DUNE_E_INVALID;
  j_begin_object(&j);
  j_key(&j, S("method")), j_str(&j, request.method);
  j_key(&j, S("url")), j_str(&j, request.url);
  j_key(&j, S("headers")), j_i64(&j, request.header_count);
  j_key(&j, S("body_bytes")), j_i64(&j, (int64_t)request.body.len);
  j_end_object(&j);
  if (host->http_status != DUNE_OK) {
    error->code = host->http_status;
    error->message_len = (uint32_t)snprintf(error->message, sizeof error->message, "connection refused");
    return host->http_status;
  }
  memset(&response, 0, sizeof response);
  response.struct_size = to->struct_size;
  response.status = host->answer;
  response.body = c_text(http_body);
  response.retry_after_ms = host->retry_after_ms;
  memcpy(to, &response, to->struct_size < sizeof response ? to->struct_size : sizeof response);
  return DUNE_OK;
}

static const dune_host_json_v1 json_table = {
    sizeof json_table, 0, json_type_of, json_get_i64, json_get_f64, json_get_bool, json_get_str, json_get_raw,
    json_array_len};
static const dune_host_metrics_v1 metrics_table = {sizeof metrics_table, 0, metrics_add, metrics_observe};
static const dune_host_clock_v1 clock_table = {sizeof clock_table, 0, clock_unix, clock_monotonic};
static const dune_host_http_v1 http_table = {sizeof http_table, 1u << 20, http_send};

static const void* host_extension(const dune_host* h, dune_str id) {
  if (same(id, S(DUNE_EXT_HOST_JSON_V1))) return &json_table;
  if (same(id, S(DUNE_EXT_HOST_METRICS_V1))) return &metrics_table;
  if (of(h)->may_act && same(id, S(DUNE_EXT_HOST_CLOCK_V1))) return &clock_table;
  if (of(h)->may_act && same(id, S(DUNE_EXT_HOST_HTTP_V1))) return &http_table;
  return NULL;
}
static void host_init(instance_host* host, dune_str component, int may_act) {
  memset(host, 0, sizeof *host);
  host->component = component;
  host->may_act = may_act;
  host->answer = 200;
  host->table = (dune_host){sizeof(dune_host), 1, 0, host, S("frozen_host"), S("1.0"), host_log, host_extension};
}

/* ---- lines of output ----------------------------------------------------------------------------------------------
 */
static void line_begin(dune_json* j, writer* w, dune_str component) {
  memset(w, 0, sizeof *w);
  *j = json_for(w);
  j_begin_object(j);
  j_key(j, S("component")), j_str(j, component);
}
static void line_end(dune_json* j) {
  j_end_object(j);
  printf("%s\n", self(j)->text);
  fflush(stdout);
  free(self(j)->text);
}
/* A failure of the plugin, with its own words. */
static void line_failed(dune_str component, const char* where, dune_status status, const dune_error* error) {
  writer w;
  dune_json j;
  const dune_str why = {error->message,
                        error->message_len < sizeof error->message ? error->message_len : sizeof error->message};
  line_begin(&j, &w, component);
  j_key(&j, S("failed")), j_str(&j, c_text(where));
  j_key(&j, S("status")), j_i64(&j, status);
  j_key(&j, S("why")), j_str(&j, why);
  line_end(&j);
  ++failures;
}

/* ---- runs ----------------------------------------------------------------------------------------------------------
 * A line is a word and its fields, separated by single blanks; "-" is absent, "''" is empty, the last field of an event
 * or an external signal is the rest of the line. Elements belong to the run above them.
 *   run ID AGENT VERSION CATEGORY PARENT EXIT INPUT STEP COMPLETE TRUNCATED
 *   base STEPS TOOL_MS LLM_MS TOKEN_GROWTH LLM_TOOL_RATIO        may NAME
 *   tool STEP TS NAME ARGS ERROR LATENCY LENGTH SUCCESS          llm STEP TS MODEL FINISH PROMPT COMPLETION LATENCY
 * LENGTH ret STEP TS INDEX COUNT TOP                                  ev STEP TS KIND TYPE PAYLOAD ext STEP TS NAME
 * SOURCE META                                 dur STEP TS KIND TYPE MS                          */
typedef struct {
  char* data;
  uint32_t count, stride;
} table;
typedef struct {
  dune_run run;
  table may, tools, llms, rets, events, exts, durs;
} fixture;

static void* append(table* t, size_t size) {
  char* element;
  t->stride = (uint32_t)size + PADDING;
  t->data = must(realloc(t->data, (size_t)(t->count + 1) * t->stride));
  element = t->data + (size_t)t->count++ * t->stride;
  memset(element, 0, size);
  memset(element + size, 0xEE, PADDING);
  return element;
}
static dune_array array_of(const table* t) {
  const dune_array out = {t->data, t->count, t->stride};
  return out;
}
static dune_str field(char** at) {
  char* end = strchr(*at, ' ');
  dune_str out = {*at, end == NULL ? strlen(*at) : (size_t)(end - *at)};
  *at = end == NULL ? *at + out.len : end + 1;
  if (same(out, S("-"))) out.ptr = NULL, out.len = 0;
  if (same(out, S("''"))) out.ptr = "", out.len = 0;
  return out;
}
static double number(char** at) {
  const dune_str text = field(at);
  return text.ptr == NULL ? 0 : strtod(text.ptr, NULL);
}
static int64_t whole(char** at) {
  const dune_str text = field(at);
  return text.ptr == NULL ? 0 : strtoll(text.ptr, NULL, 10);
}
/* A value that may be absent: its bit is set when it is not. */
static int64_t maybe(char** at, uint32_t* has, uint32_t bit) {
  if (strncmp(*at, "-", 1) != 0 || (*at)[1] > ' ') *has |= bit;
  return whole(at);
}
static double maybe_number(char** at, uint32_t* has, uint32_t bit) {
  if (strncmp(*at, "-", 1) != 0 || (*at)[1] > ' ') *has |= bit;
  return number(at);
}
static void read_run(char* at, fixture* f) {
  dune_run* r = &f->run;
  memset(f, 0, sizeof *f);
  r->struct_size = sizeof *r;
  r->run_id = field(&at), r->agent_id = field(&at), r->agent_version = field(&at), r->category = field(&at);
  r->parent_run_id = field(&at), r->exit_reason = field(&at), r->input_hash = field(&at);
  r->current_step = (int32_t)whole(&at);
  if (whole(&at)) r->has |= DUNE_RUN_IS_COMPLETE;
  if (whole(&at)) r->has |= DUNE_RUN_IS_TRUNCATED;
}
static void read_baselines(char* at, dune_run* r) {
  r->baseline_p75_steps = maybe_number(&at, &r->has, DUNE_RUN_HAS_BASELINE_P75_STEPS);
  r->baseline_p75_tool_latency_ms = maybe_number(&at, &r->has, DUNE_RUN_HAS_BASELINE_P75_TOOL_LATENCY);
  r->baseline_p75_llm_latency_ms = maybe_number(&at, &r->has, DUNE_RUN_HAS_BASELINE_P75_LLM_LATENCY);
  r->baseline_p75_token_growth = maybe_number(&at, &r->has, DUNE_RUN_HAS_BASELINE_P75_TOKEN_GROWTH);
  r->baseline_p75_llm_tool_ratio = maybe_number(&at, &r->has, DUNE_RUN_HAS_BASELINE_P75_LLM_TOOL_RATIO);
}
static void read_element(const char* word, char* at, fixture* f) {
  if (strcmp(word, "tool") == 0) {
    dune_tool_call* c = append(&f->tools, sizeof *c);
    c->step_index = (int32_t)whole(&at), c->ts = number(&at);
    c->tool_name = field(&at), c->args_hash = field(&at), c->error_hash = field(&at);
    c->latency_ms = maybe(&at, &c->has, DUNE_TOOL_HAS_LATENCY);
    c->output_length = maybe(&at, &c->has, DUNE_TOOL_HAS_OUTPUT_LENGTH);
    c->success = (uint32_t)maybe(&at, &c->has, DUNE_TOOL_HAS_SUCCESS);
  } else if (strcmp(word, "llm") == 0) {
    dune_llm_call* c = append(&f->llms, sizeof *c);
    c->step_index = (int32_t)whole(&at), c->ts = number(&at);
    c->model = field(&at), c->finish_reason = field(&at);
    c->prompt_tokens = maybe(&at, &c->has, DUNE_LLM_HAS_PROMPT_TOKENS);
    c->completion_tokens = maybe(&at, &c->has, DUNE_LLM_HAS_COMPLETION_TOKENS);
    c->latency_ms = maybe(&at, &c->has, DUNE_LLM_HAS_LATENCY);
    c->output_length = maybe(&at, &c->has, DUNE_LLM_HAS_OUTPUT_LENGTH);
  } else if (strcmp(word, "ret") == 0) {
    dune_retrieval* r = append(&f->rets, sizeof *r);
    r->step_index = (int32_t)whole(&at), r->ts = number(&at);
    r->index_name = field(&at), r->result_count = whole(&at);
    r->top_score = maybe_number(&at, &r->has, DUNE_RETRIEVAL_HAS_TOP_SCORE);
  } else if (strcmp(word, "ev") == 0) {
    dune_event* e = append(&f->events, sizeof *e);
    e->step_index = (int32_t)whole(&at), e->ts = number(&at);
    e->kind = (uint32_t)whole(&at), e->type = field(&at), e->payload_json = c_text(at);
  } else if (strcmp(word, "ext") == 0) {
    dune_external_signal* e = append(&f->exts, sizeof *e);
    e->step_index = (int32_t)whole(&at), e->ts = number(&at);
    e->name = field(&at), e->source = field(&at), e->meta_json = c_text(at);
  } else if (strcmp(word, "dur") == 0) {
    dune_step_duration* d = append(&f->durs, sizeof *d);
    d->step_index = (int32_t)whole(&at), d->ts = number(&at);
    d->kind = (uint32_t)whole(&at), d->type = field(&at), d->duration_ms = whole(&at);
  } else if (strcmp(word, "may") == 0) {
    *(dune_str*)append(&f->may, sizeof(dune_str)) = field(&at);
  } else if (strcmp(word, "base") == 0) {
    read_baselines(at, &f->run);
  } else {
    fprintf(stderr, "frozen_host: unknown word '%s' in the runs\n", word);
    exit(2);
  }
}
static fixture* read_runs(const char* path, size_t* count) {
  FILE* file = fopen(path, "rb");
  char *text = must(calloc(1, 1 << 20)), *line, *rest = text;
  fixture* runs = must(calloc(64, sizeof *runs));
  if (file == NULL || fread(text, 1, (1 << 20) - 1, file) == 0) {
    fprintf(stderr, "frozen_host: %s cannot be read\n", path);
    exit(2);
  }
  fclose(file);
  for (*count = 0; (line = strsep(&rest, "\n")) != NULL;) {
    char* at = strchr(line, ' ');
    if (line[0] == '\0' || line[0] == '#' || at == NULL) continue;
    *at++ = '\0';
    if (strcmp(line, "run") == 0 && *count < 64) {
      read_run(at, &runs[(*count)++]);
    } else if (*count > 0) {
      read_element(line, at, &runs[*count - 1]);
    }
  }
  for (size_t i = 0; i < *count; ++i) {
    fixture* f = &runs[i];
    f->run.available_tools = array_of(&f->may), f->run.tool_calls = array_of(&f->tools);
    f->run.llm_calls = array_of(&f->llms), f->run.retrievals = array_of(&f->rets), f->run.events = array_of(&f->events);
    f->run.external_signals = array_of(&f->exts), f->run.step_durations = array_of(&f->durs);
  }
  return runs;
}

/* ---- detectors -----------------------------------------------------------------------------------------------------
 */
typedef struct {
  writer evidence;
  dune_json json;
  const dune_detector_v1* detector;
  instance_host* host;
  const dune_run* run;
  int refused;
} sink_state;

static void evidence_reset(sink_state* s) {
  s->evidence.len = 0;
  s->evidence.comma = s->evidence.broken = s->evidence.depth = 0;
  j_begin_object(&s->json);
}
static void explain_set(dune_explain_out* out, dune_str name, dune_str text) {
  j_key(out->impl, name), j_str(out->impl, text);
}
static void explain_fix(dune_explain_out* out, const dune_fix* fix) {
  j_key(out->impl, S("fix")), j_str(out->impl, fix->description);
}
static void explain(sink_state* s, const dune_signal* signal, dune_str type, dune_str evidence, dune_json* line) {
  dune_explain_in in;
  dune_error error = {0, 0, ""};
  dune_explain_out out = {sizeof out, 0, line, explain_set, explain_fix};
  if (s->detector->explain == NULL) return;
  in = (dune_explain_in){sizeof in,          signal->severity,   type, s->run->run_id, s->run->agent_id, evidence,
                         signal->confidence, signal->step_index, 0,    &s->host->table};
  j_key(line, S("explained"));
  j_begin_object(line);
  if (s->detector->explain(&in, &out, &error) != DUNE_OK) j_key(line, S("nothing")), j_null(line);
  j_end_object(line);
}
static dune_status sink_emit(dune_sink* sink, const dune_signal* given) {
  sink_state* s = sink->impl;
  dune_signal signal;
  dune_str type, evidence;
  writer w;
  dune_json j;
  const int wrong = !take(given, &signal, sizeof signal, END_OF(dune_signal, evidence_json), 0) ||
                    signal.severity < 1 || signal.severity > 4 || !(signal.confidence >= 0 && signal.confidence <= 1) ||
                    signal.step_index < 0 || signal.step_index > s->run->current_step;
  j_end_object(&s->json);
  evidence = signal.evidence_json.ptr != NULL ? signal.evidence_json : (dune_str){s->evidence.text, s->evidence.len};
  if (wrong || s->evidence.broken || s->evidence.depth != 0 ||
      skip_value(evidence.ptr, evidence.ptr + evidence.len, 0) == NULL) {
    ++s->refused;
    evidence_reset(s);
    return DUNE_E_INVALID;
  }
  type = signal.type.ptr != NULL ? signal.type : s->detector->default_signal_type;
  line_begin(&j, &w, s->host->component);
  j_key(&j, S("run")), j_str(&j, s->run->run_id);
  j_key(&j, S("type")), j_str(&j, type);
  j_key(&j, S("severity")), j_i64(&j, signal.severity);
  j_key(&j, S("confidence")), j_f64(&j, signal.confidence);
  j_key(&j, S("step")), j_i64(&j, signal.step_index);
  j_key(&j, S("evidence")), j_raw(&j, evidence);
  explain(s, &signal, type, evidence, &j);
  line_end(&j);
  evidence_reset(s);
  return DUNE_OK;
}
static uint32_t sink_cancelled(dune_sink* sink) { return (void)sink, 0; }

static void detect(const dune_detector_v1* detector, instance_host* host, const dune_config* config,
                   const fixture* runs, size_t count) {
  void* instance = NULL;
  dune_error error = {0, 0, ""};
  dune_status status = detector->validate == NULL ? DUNE_OK : detector->validate(config, &error);
  if (status == DUNE_OK) status = detector->create(&host->table, config, &instance, &error);
  if (status != DUNE_OK) {
    line_failed(host->component, "create", status, &error);
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    sink_state state = {.detector = detector, .host = host, .run = &runs[i].run};
    dune_sink sink = {sizeof sink, 0, &state, &state.json, sink_emit, sink_cancelled};
    state.json = json_for(&state.evidence);
    evidence_reset(&state);
    memset(&error, 0, sizeof error);
    status = detector->detect(instance, &runs[i].run, &sink, &error);
    if (status != DUNE_OK || state.refused > 0) line_failed(host->component, "detect", status, &error);
    free(state.evidence.text);
  }
  detector->destroy(instance);
}

/* ---- destinations and integrations
 * ----------------------------------------------------------------------------------- */
static void put_requests(dune_json* j, instance_host* host) {
  j_key(j, S("requests"));
  j_begin_array(j);
  if (host->requests.len > 0) j_raw(j, (dune_str){host->requests.text, host->requests.len});
  j_end_array(j);
  host->requests.len = 0;
  host->requests.comma = 0;
}

static dune_array two_alerts(uint32_t count) {
  static const dune_fix fixes[] = {{DUNE_S("Cap the calls"), DUNE_S("python"), DUNE_S("limit(3)\n")}};
  table t = {NULL, 0, 0};
  for (uint32_t i = 0; i < count; ++i) {
    dune_alert* a = append(&t, sizeof *a);
    a->step_index = 4, a->severity = DUNE_SEVERITY_HIGH;
    a->signal_id = S("41"), a->signal_type = S("SOME_TYPE"), a->run_id = S("run-1"), a->agent_id = S("agent-one");
    a->agent_version = S("3f2a"), a->confidence = 0.9, a->detected_at = 1755000000.5;
    a->title = S("A <title> & more"), a->what = S("What happened"), a->why_it_matters = S("Why it matters");
    a->evidence_summary = S("3 of 5"), a->evidence_json = S("{\"count\":3,\"tool\":\"search\"}");
    a->fixes = fixes, a->fix_count = i == 0 ? 1 : 0;
  }
  return array_of(&t);
}

static void deliver(const dune_alert_v1* alert, instance_host* host, const dune_config* config) {
  static const struct {
    dune_status status;
    int32_t answer;
    int64_t retry_after_ms;
  } worlds[] = {{DUNE_OK, 200, 0}, {DUNE_OK, 429, 1500}, {DUNE_OK, 404, 0}, {DUNE_E_IO, 0, 0}};
  void* instance = NULL;
  dune_error error = {0, 0, ""};
  const dune_status made = alert->create(&host->table, config, &instance, &error);
  if (made != DUNE_OK) {
    line_failed(host->component, "create", made, &error);
    return;
  }
  for (uint32_t i = 0; i < sizeof worlds / sizeof worlds[0]; ++i) {
    const dune_alert_batch batch = {sizeof batch, i + 1, S("batch-key"), two_alerts(alert->max_batch == 1 ? 1 : 2),
                                    30000};
    dune_delivery delivery = {sizeof delivery, 0, 0};
    dune_status status;
    writer w;
    dune_json j;
    memset(&error, 0, sizeof error);
    host->http_status = worlds[i].status, host->answer = worlds[i].answer,
    host->retry_after_ms = worlds[i].retry_after_ms;
    status = alert->deliver(instance, &batch, &delivery, &error);
    if (i == 0 && status < 0) line_failed(host->component, "deliver", status, &error);
    line_begin(&j, &w, host->component);
    j_key(&j, S("answer")), j_i64(&j, worlds[i].answer);
    j_key(&j, S("outcome")), j_i64(&j, status);
    j_key(&j, S("retry_after_ms")), j_i64(&j, delivery.retry_after_ms);
    put_requests(&j, host);
    line_end(&j);
  }
  alert->destroy(instance);
}

static void invoke(const dune_integration_v1* integration, instance_host* host, const dune_config* config,
                   const char* input) {
  void* instance = NULL;
  dune_error error = {0, 0, ""};
  const dune_status made = integration->create(&host->table, config, &instance, &error);
  if (made != DUNE_OK) {
    line_failed(host->component, "create", made, &error);
    return;
  }
  for (uint32_t i = 0; i < integration->action_count; ++i) {
    dune_action action;
    writer result = {NULL, 0, 0, 0, 0, 0}, w;
    dune_json json = json_for(&result), j;
    dune_call call = {sizeof call, 0, S(""), c_text(input), S("call-key"), 20000};
    dune_status status;
    if (!take((const char*)integration->actions + (size_t)i * integration->action_stride, &action, sizeof action,
              END_OF(dune_action, input_schema_json), 0)) {
      line_failed(host->component, "actions", DUNE_E_INVALID, &error);
      break;
    }
    call.action = action.id;
    call.dry_run = action.mutates != 0;
    memset(&error, 0, sizeof error);
    status = integration->invoke(instance, &call, &json, &error);
    if (status != DUNE_OK) line_failed(host->component, "invoke", status, &error);
    line_begin(&j, &w, host->component);
    j_key(&j, S("action")), j_str(&j, action.id);
    j_key(&j, S("status")), j_i64(&j, status);
    j_key(&j, S("result"));
    if (status == DUNE_OK && result.len > 0 && result.depth == 0)
      j_raw(&j, (dune_str){result.text, result.len});
    else
      j_null(&j);
    put_requests(&j, host);
    line_end(&j);
    free(result.text);
  }
  integration->destroy(instance);
}

/* ---- the library
 * ------------------------------------------------------------------------------------------------------ */
static const dune_plugin* load(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  dune_entry_fn entry;
  const dune_plugin* found;
  if (library == NULL) {
    fprintf(stderr, "frozen_host: %s\n", dlerror());
    exit(2);
  }
  *(void**)&entry = dlsym(library, "dune_plugin_entry_v1");
  found = entry == NULL ? NULL : entry();
  if (found == NULL || found->magic != DUNE_MAGIC || found->abi_major != 1 || found->min_host_minor > 0) {
    fprintf(stderr, "frozen_host: %s: not a plugin for version 1.0\n", path);
    exit(2);
  }
  return found;
}

/* The defaults; what is required gets a URL or 1. */
static dune_value* values_of(const dune_component* c) {
  dune_value* values = must(calloc(c->param_count + 1, sizeof *values));
  for (uint32_t i = 0; i < c->param_count; ++i) {
    dune_param_spec spec;
    if (!take((const char*)c->params + (size_t)i * c->param_stride, &spec, sizeof spec, END_OF(dune_param_spec, doc),
              0)) {
      fprintf(stderr, "frozen_host: a parameter record is too small\n");
      exit(2);
    }
    values[i] = spec.def;
    if (spec.def.type != DUNE_VALUE_NONE) continue;
    values[i].type = spec.type;
    if (spec.type == DUNE_VALUE_STRING)
      values[i].as.s = S("https://receiver.example/hook");
    else if (spec.type == DUNE_VALUE_FLOAT)
      values[i].as.f = 1;
    else if (spec.type != DUNE_VALUE_STRING_LIST)
      values[i].as.i = 1;
  }
  return values;
}

static void use(const dune_component* c, const fixture* runs, size_t count, const char* input) {
  instance_host host;
  dune_value* values = values_of(c);
  const dune_config config = {sizeof config, c->param_count, values, S("default")};
  dune_detector_v1 detector;
  dune_alert_v1 alert;
  dune_integration_v1 integration;
  dune_error none = {0, 0, ""};
  host_init(&host, c->id, !same(c->iface, S(DUNE_IFACE_DETECTOR_V1)));
  if (same(c->iface, S(DUNE_IFACE_DETECTOR_V1))) {
    if (take(c->vtable, &detector, sizeof detector, END_OF(dune_detector_v1, detect), 0))
      detect(&detector, &host, &config, runs, count);
    else
      line_failed(c->id, "table", DUNE_E_INVALID, &none);
  } else if (same(c->iface, S(DUNE_IFACE_ALERT_V1))) {
    if (take(c->vtable, &alert, sizeof alert, END_OF(dune_alert_v1, deliver), 0))
      deliver(&alert, &host, &config);
    else
      line_failed(c->id, "table", DUNE_E_INVALID, &none);
  } else if (same(c->iface, S(DUNE_IFACE_INTEGRATION_V1))) {
    if (take(c->vtable, &integration, sizeof integration, END_OF(dune_integration_v1, invoke), 0))
      invoke(&integration, &host, &config, input);
    else
      line_failed(c->id, "table", DUNE_E_INVALID, &none);
  }
  free(values);
}

int main(int argc, char** argv) {
  dune_plugin plugin;
  const char* input = "{}";
  const fixture* runs;
  size_t count;
  if (argc < 3) {
    fprintf(stderr, "usage: frozen_host PLUGIN.so RUNS.txt [--input JSON] [--reply JSON]\n");
    return 2;
  }
  for (int i = 3; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--input") == 0)
      input = argv[i + 1];
    else if (strcmp(argv[i], "--reply") == 0)
      http_body = argv[i + 1];
  }
  runs = read_runs(argv[2], &count);
  if (!take(load(argv[1]), &plugin, sizeof plugin, END_OF(dune_plugin, component_stride),
            offsetof(dune_plugin, struct_size))) {
    fprintf(stderr, "frozen_host: the descriptor is too small\n");
    return 2;
  }
  for (uint32_t i = 0; i < plugin.component_count; ++i) {
    dune_component c;
    if (!take((const char*)plugin.components + (size_t)i * plugin.component_stride, &c, sizeof c,
              END_OF(dune_component, vtable), 0)) {
      fprintf(stderr, "frozen_host: a component record is too small\n");
      return 2;
    }
    use(&c, runs, count, input);
  }
  printf("{\"components\":%u,\"runs\":%u,\"failures\":%d}\n", (unsigned)plugin.component_count, (unsigned)count,
         failures);
  return failures > 0 ? 1 : 0;
}
