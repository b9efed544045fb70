/* {{title}}: posts explained alerts as lines of text to a URL. This destination is an example that works: change
 * deliver() into what your receiver takes. The host queues, repeats and gives up; deliver() is one attempt, by one
 * thread at a time; C11. */
#include <dunetrace/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) ((dune_str)DUNE_S(literal))

/* ---- parameters. A secret is given as a reference (env:NAME, file:/path), and the host never shows it. */
enum { P_URL, P_COUNT };
static const dune_param_spec params[P_COUNT] = {
    [P_URL] = {.struct_size = sizeof(dune_param_spec),
               .flags = DUNE_PARAM_REQUIRED | DUNE_PARAM_SECRET,
               .name = DUNE_S("url"),
               .type = DUNE_VALUE_STRING,
               .doc = DUNE_S("Where alerts are posted; https.")},
};

typedef struct state {
  const dune_host *host;
  const dune_host_http_v1 *http;
  size_t url_length;
  char url[2048];
} state;

static dune_status fail(dune_error *error, dune_status code, const char *why) {
  error->code = code;
  error->message_len = (uint32_t)snprintf(error->message, sizeof error->message, "%s", why);
  return code;
}

static dune_status create(const dune_host *host, const dune_config *config, void **instance, dune_error *error) {
  const dune_str url = config->values[P_URL].as.s; /* lives until create() returns: copied */
  state *s;
  if (url.len >= sizeof s->url) return fail(error, DUNE_E_CONFIG, "url is too long");
  s = calloc(1, sizeof *s);
  if (s == NULL) return fail(error, DUNE_E_LIMIT, "out of memory");
  s->host = host;
  s->http = host->get_extension(host, TEXT(DUNE_EXT_HOST_HTTP_V1)); /* plugins open no sockets: the host sends */
  if (s->http == NULL) {
    free(s);
    return fail(error, DUNE_E_UNSUPPORTED, "the host does not grant " DUNE_EXT_HOST_HTTP_V1);
  }
  memcpy(s->url, url.ptr, url.len);
  s->url_length = url.len;
  *instance = s;
  return DUNE_OK;
}

static void destroy(void *instance) { free(instance); }

static const char *name_of(uint32_t severity) {
  static const char *const names[] = {"LOW", "MEDIUM", "HIGH", "CRITICAL"};
  return severity >= DUNE_SEVERITY_LOW && severity <= DUNE_SEVERITY_CRITICAL ? names[severity - 1] : "?";
}

/* The bytes one alert takes as a line; with `out` they are written there. A text may hold NUL: no printf. */
static size_t line_of(const dune_alert *alert, char *out) {
  const dune_str parts[] = {TEXT("["),        {name_of(alert->severity), strlen(name_of(alert->severity))}, TEXT("] "),
                            alert->signal_type, TEXT(" "), alert->agent_id, TEXT(": "), alert->title, TEXT("\n")};
  size_t length = 0;
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; ++i) {
    if (out != NULL && parts[i].len > 0) memcpy(out + length, parts[i].ptr, parts[i].len);
    length += parts[i].len;
  }
  return length;
}

/* 2xx means delivered; 408, 425, 429, 5xx and transport errors mean later; every other answer means never. */
static dune_status outcome_of(dune_status sent, const dune_http_response *answer, dune_delivery *delivery,
                              dune_error *error) {
  if (sent == DUNE_E_DENIED || sent == DUNE_E_INVALID) return sent; /* the operator has to do something */
  if (sent != DUNE_OK) return DUNE_RETRY_LATER;
  if (answer->status >= 200 && answer->status < 300) return DUNE_DELIVERED;
  error->message_len = (uint32_t)snprintf(error->message, sizeof error->message, "HTTP %d", (int)answer->status);
  if (answer->status != 408 && answer->status != 425 && answer->status != 429 && answer->status < 500) {
    return DUNE_REJECTED;
  }
  delivery->retry_after_ms = answer->retry_after_ms;
  return DUNE_RETRY_LATER;
}

static dune_status deliver(void *instance, const dune_alert_batch *batch, dune_delivery *delivery, dune_error *error) {
  const state *s = instance;
  size_t length = 0, used = 0;
  char *body;
  for (uint32_t i = 0; i < batch->alerts.count; ++i) length += line_of(DUNE_AT(batch->alerts, dune_alert, i), NULL);
  body = malloc(length + 1);
  if (body == NULL) return fail(error, DUNE_E_LIMIT, "out of memory");
  for (uint32_t i = 0; i < batch->alerts.count; ++i) {
    used += line_of(DUNE_AT(batch->alerts, dune_alert, i), body + used);
  }
  const dune_header headers[] = {{DUNE_S("Content-Type"), DUNE_S("text/plain; charset=utf-8")},
                                 {DUNE_S("Idempotency-Key"), batch->idempotency_key}}; /* the same batch may come again */
  const dune_http_request request = {.struct_size = sizeof request,
                                     .timeout_ms = 10000,
                                     .method = DUNE_S("POST"),
                                     .url = {s->url, s->url_length},
                                     .body = {body, used},
                                     .headers = headers,
                                     .header_count = 2};
  dune_http_response answer = {.struct_size = sizeof answer};
  const dune_status sent = s->http->send(s->host, &request, &answer, error);
  free(body);
  return outcome_of(sent, &answer, delivery, error);
}

/* ---- the tables the host reads. Static: nothing is allocated or started before create(). */
static const dune_alert_v1 destination = {.struct_size = sizeof(dune_alert_v1),
                                          .max_batch = 20, /* alerts in one delivery */
                                          .create = create,
                                          .destroy = destroy,
                                          .deliver = deliver};
static const dune_component component = {.struct_size = sizeof(dune_component),
                                         .iface = DUNE_S(DUNE_IFACE_ALERT_V1),
                                         .id = DUNE_S("{{name}}"),
                                         .title = DUNE_S("{{title}}"),
                                         .doc = DUNE_S("Posts alerts as text to a URL of yours."),
                                         .params = params,
                                         .param_count = P_COUNT,
                                         .param_stride = sizeof(dune_param_spec),
                                         .vtable = &destination};
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
