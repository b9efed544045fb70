/* An integration in C: lists and opens tickets of a desk that speaks JSON over HTTP (GET and POST {url}/tickets).
 * `open` changes something, so it can do as if (dry_run): then it asks nobody and says what it would send.         */
#include <dunetrace/ext/json.h>
#include <dunetrace/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { P_URL, P_TOKEN, P_COUNT };

static const dune_param_spec params[P_COUNT] = {
  { .struct_size = sizeof(dune_param_spec), .flags = DUNE_PARAM_REQUIRED, .name = DUNE_S("url"),
    .type = DUNE_VALUE_STRING, .doc = DUNE_S("Where the desk is, without a final slash; https.") },
  { .struct_size = sizeof(dune_param_spec), .flags = DUNE_PARAM_SECRET, .name = DUNE_S("token"),
    .type = DUNE_VALUE_STRING, .def = { DUNE_VALUE_STRING, 0, { 0 } },
    .doc = DUNE_S("Sent as a bearer token when it is set.") },
};

static const dune_action actions[] = {
  { .struct_size = sizeof(dune_action), .mutates = 0, .id = DUNE_S("list"), .title = DUNE_S("List tickets"),
    .doc = DUNE_S("The open tickets, as the desk gives them."),
    .input_schema_json = DUNE_S("{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}") },
  { .struct_size = sizeof(dune_action), .mutates = 1, .id = DUNE_S("open"), .title = DUNE_S("Open a ticket"),
    .doc = DUNE_S("Opens a ticket with a title and, if you like, a text."),
    .input_schema_json = DUNE_S("{\"type\":\"object\",\"required\":[\"title\"],\"properties\":{\"title\":{\"type\":\"string\"},"
                                "\"text\":{\"type\":\"string\"}},\"additionalProperties\":false}") },
};

typedef struct {
  const dune_host *host;
  const dune_host_http_v1 *http;
  const dune_host_json_v1 *json;
  char url[2048], authorization[2048];
} desk;

static dune_status failure(dune_error *e, dune_status code, const char *why) {
  const int n = snprintf(e->message, sizeof e->message, "%s", why);
  e->code = code;
  e->message_len = (uint32_t)(n < (int)sizeof e->message ? n : (int)sizeof e->message - 1);
  return code;
}

static int is(dune_str s, const char *literal) { return s.len == strlen(literal) && memcmp(s.ptr, literal, s.len) == 0; }
static dune_str text_of(const char *s) { return (dune_str){ s, strlen(s) }; }

static dune_status create(const dune_host *h, const dune_config *c, void **out, dune_error *e) {
  const dune_str url = c->values[P_URL].as.s, token = c->values[P_TOKEN].as.s;
  desk *d = calloc(1, sizeof *d);
  if (d == NULL) return failure(e, DUNE_E_LIMIT, "out of memory");
  d->host = h;
  d->http = h->get_extension(h, (dune_str)DUNE_S(DUNE_EXT_HOST_HTTP_V1));
  d->json = h->get_extension(h, (dune_str)DUNE_S(DUNE_EXT_HOST_JSON_V1));
  if (d->http == NULL || d->json == NULL) {
    free(d);
    return failure(e, DUNE_E_UNSUPPORTED, "the host grants no " DUNE_EXT_HOST_HTTP_V1 " or " DUNE_EXT_HOST_JSON_V1);
  }
  if (url.len + sizeof "/tickets" > sizeof d->url || token.len + sizeof "Bearer " > sizeof d->authorization) {
    free(d);
    return failure(e, DUNE_E_CONFIG, "url and token may have 2000 bytes each");
  }
  /* Copied: the host's texts live until create() returns. */
  snprintf(d->url, sizeof d->url, "%.*s/tickets", (int)url.len, url.ptr == NULL ? "" : url.ptr);
  if (token.len > 0) snprintf(d->authorization, sizeof d->authorization, "Bearer %.*s", (int)token.len, token.ptr);
  *out = d;
  return DUNE_OK;
}

static void destroy(void *p) {
  desk *d = p;
  memset(d->authorization, 0, sizeof d->authorization);
  free(d);
}

/* A text that grows up to its capacity; `full` sticks. */
typedef struct { char *at; size_t used, capacity; int full; } buffer;

static void add(buffer *b, const char *s, size_t n) {
  if (b->full || b->capacity - b->used < n) { b->full = 1; return; }
  memcpy(b->at + b->used, s, n);
  b->used += n;
}

static void add_json(buffer *b, dune_str s) { /* as a JSON string */
  add(b, "\"", 1);
  for (size_t i = 0; i < s.len; ++i) {
    const unsigned char c = (unsigned char)s.ptr[i];
    char escaped[8];
    if (c == '"' || c == '\\') {
      escaped[0] = '\\';
      escaped[1] = (char)c;
      add(b, escaped, 2);
    } else if (c < 0x20) {
      add(b, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)c));
    } else {
      add(b, s.ptr + i, 1);
    }
  }
  add(b, "\"", 1);
}

/* One exchange with the desk; its answer, which must be a JSON document, becomes member `name` of the result. */
static dune_status ask(desk *d, const dune_call *call, const char *method, dune_str body, const char *name,
                       dune_json *result, dune_error *e) {
  dune_header headers[3];
  uint32_t count = 0;
  headers[count++] = (dune_header){ DUNE_S("Idempotency-Key"), call->idempotency_key };
  if (body.len > 0) headers[count++] = (dune_header){ DUNE_S("Content-Type"), DUNE_S("application/json") };
  if (d->authorization[0] != '\0') headers[count++] = (dune_header){ DUNE_S("Authorization"), text_of(d->authorization) };
  const dune_http_request request = { .struct_size = sizeof request, .method = text_of(method), .url = text_of(d->url),
                                      .body = body, .headers = headers, .header_count = count };
  dune_http_response response = { .struct_size = sizeof response };
  uint32_t type;
  const dune_status sent = d->http->send(d->host, &request, &response, e);
  if (sent != DUNE_OK) return sent; /* the host has written the reason */
  if (response.status < 200 || response.status > 299) {
    char why[64];
    snprintf(why, sizeof why, "the desk answered HTTP %d", (int)response.status);
    return failure(e, DUNE_E_IO, why);
  }
  if (d->json->type_of(d->host, response.body, (dune_str){ "", 0 }, &type) != DUNE_OK) {
    return failure(e, DUNE_E_IO, "the desk's answer is no JSON");
  }
  result->begin_object(result);
  result->key(result, text_of(name));
  result->raw(result, response.body);
  result->end_object(result);
  return DUNE_OK;
}

static dune_status open_ticket(desk *d, const dune_call *call, dune_json *result, dune_error *e) {
  char space[16 * 1024];
  buffer b = { space, 0, sizeof space, 0 };
  dune_str field;
  if (d->json->get_str(d->host, call->input_json, (dune_str)DUNE_S("/title"), &field) != DUNE_OK || field.len == 0) {
    return failure(e, DUNE_E_INVALID, "input: 'title' must be a text");
  }
  add(&b, "{\"title\":", 9);
  add_json(&b, field);
  if (d->json->get_str(d->host, call->input_json, (dune_str)DUNE_S("/text"), &field) == DUNE_OK) {
    add(&b, ",\"text\":", 8);
    add_json(&b, field);
  }
  add(&b, "}", 1);
  if (b.full) return failure(e, DUNE_E_LIMIT, "input: title and text have more than 16 kB");
  const dune_str body = { space, b.used };
  if (!call->dry_run) return ask(d, call, "POST", body, "opened", result, e);
  result->begin_object(result);
  result->key(result, (dune_str)DUNE_S("would_open"));
  result->raw(result, body);
  result->end_object(result);
  return DUNE_OK;
}

static dune_status invoke(void *p, const dune_call *call, dune_json *result, dune_error *e) {
  if (is(call->action, "list")) return ask(p, call, "GET", (dune_str){ "", 0 }, "tickets", result, e);
  if (is(call->action, "open")) return open_ticket(p, call, result, e);
  return failure(e, DUNE_E_UNSUPPORTED, "no such action");
}

static const dune_integration_v1 vtable = {
  .struct_size = sizeof(dune_integration_v1), .action_count = sizeof actions / sizeof actions[0], .actions = actions,
  .action_stride = sizeof(dune_action), .create = create, .destroy = destroy, .invoke = invoke };
static const dune_component component = {
  .struct_size = sizeof(dune_component), .iface = DUNE_S(DUNE_IFACE_INTEGRATION_V1), .id = DUNE_S("ticket_desk"),
  .title = DUNE_S("Ticket desk"), .doc = DUNE_S("Lists and opens tickets of a desk that speaks JSON over HTTP."),
  .params = params, .param_count = P_COUNT, .param_stride = sizeof(dune_param_spec), .vtable = &vtable };
static const dune_plugin plugin = {
  .magic = DUNE_MAGIC, .abi_major = DUNE_ABI_MAJOR, .abi_minor = DUNE_ABI_MINOR, .struct_size = sizeof(dune_plugin),
  .id = DUNE_S("example.ticket_desk"), .vendor = DUNE_S("Example"), .version = DUNE_S("1.0.0"),
  .license = DUNE_S("Apache-2.0"), .components = &component, .component_count = 1,
  .component_stride = sizeof(dune_component) };

const dune_plugin *dune_plugin_entry_v1(void) { return &plugin; }
