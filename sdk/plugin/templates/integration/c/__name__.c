/* {{title}}: lists and opens tickets over HTTP. This integration is an example that works: change the actions into
 * yours. Actions are started with `dunetrace plugin run` in this version; by one thread at a time; C11. */
#include <dunetrace/ext/json.h>
#include <dunetrace/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) ((dune_str)DUNE_S(literal))

/* ---- parameters: what operators set. */
enum { P_URL, P_COUNT };
static const dune_param_spec params[P_COUNT] = {
    [P_URL] = {.struct_size = sizeof(dune_param_spec),
               .flags = DUNE_PARAM_REQUIRED,
               .name = DUNE_S("url"),
               .type = DUNE_VALUE_STRING,
               .doc = DUNE_S("Where tickets are listed (GET) and opened (POST); https.")},
};

/* ---- actions, with JSON schemas of their input. One that changes something must be able to do as if (dry_run). */
static const dune_action actions[] = {
    {.struct_size = sizeof(dune_action),
     .id = DUNE_S("list"),
     .title = DUNE_S("List tickets"),
     .doc = DUNE_S("The tickets as the desk gives them."),
     .input_schema_json = DUNE_S("{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}")},
    {.struct_size = sizeof(dune_action),
     .mutates = 1,
     .id = DUNE_S("open"),
     .title = DUNE_S("Open a ticket"),
     .doc = DUNE_S("Opens a ticket with this title."),
     .input_schema_json = DUNE_S("{\"type\":\"object\",\"required\":[\"title\"],\"properties\":"
                                 "{\"title\":{\"type\":\"string\"}},\"additionalProperties\":false}")},
};

typedef struct state {
  const dune_host *host;
  const dune_host_http_v1 *http;
  const dune_host_json_v1 *json;
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
  s->json = host->get_extension(host, TEXT(DUNE_EXT_HOST_JSON_V1));
  if (s->http == NULL || s->json == NULL) {
    free(s);
    return fail(error, DUNE_E_UNSUPPORTED, "the host does not grant HTTP or JSON");
  }
  memcpy(s->url, url.ptr, url.len);
  s->url_length = url.len;
  *instance = s;
  return DUNE_OK;
}

static void destroy(void *instance) { free(instance); }

static int is(dune_str text, const char *word) {
  return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

/* One exchange; the answer must be JSON and becomes member `name` of the result. */
static dune_status ask(const state *s, const dune_call *call, dune_str method, dune_str body, dune_str name,
                       dune_json *result, dune_error *error) {
  const dune_header headers[] = {{DUNE_S("Content-Type"), DUNE_S("application/json")},
                                 {DUNE_S("Idempotency-Key"), call->idempotency_key}};
  const dune_http_request request = {.struct_size = sizeof request,
                                     .timeout_ms = 10000,
                                     .method = method,
                                     .url = {s->url, s->url_length},
                                     .body = body,
                                     .headers = headers,
                                     .header_count = 2};
  dune_http_response answer = {.struct_size = sizeof answer};
  uint32_t type = 0;
  const dune_status sent = s->http->send(s->host, &request, &answer, error);
  if (sent != DUNE_OK) return sent; /* the host has said why */
  if (answer.status < 200 || answer.status >= 300) return fail(error, DUNE_E_IO, "the desk refused");
  if (s->json->type_of(s->host, answer.body, TEXT(""), &type) != DUNE_OK) {
    return fail(error, DUNE_E_IO, "the desk did not answer with JSON");
  }
  result->begin_object(result);
  result->key(result, name);
  result->raw(result, answer.body);
  result->end_object(result);
  return DUNE_OK;
}

static dune_status invoke(void *instance, const dune_call *call, dune_json *result, dune_error *error) {
  const state *s = instance;
  dune_str title;
  if (is(call->action, "list")) return ask(s, call, TEXT("GET"), TEXT(""), TEXT("tickets"), result, error);
  if (!is(call->action, "open")) return fail(error, DUNE_E_UNSUPPORTED, "there is no such action");
  if (s->json->get_str(s->host, call->input_json, TEXT("/title"), &title) != DUNE_OK || title.len == 0) {
    return fail(error, DUNE_E_INVALID, "title: must be a text that is not empty");
  }
  if (!call->dry_run) return ask(s, call, TEXT("POST"), call->input_json, TEXT("opened"), result, error);
  result->begin_object(result); /* change nothing: say what would be changed */
  result->key(result, TEXT("would_open"));
  result->raw(result, call->input_json);
  result->end_object(result);
  return DUNE_OK;
}

/* ---- the tables the host reads. Static: nothing is allocated or started before create(). */
static const dune_integration_v1 integration = {.struct_size = sizeof(dune_integration_v1),
                                                .action_count = sizeof actions / sizeof actions[0],
                                                .actions = actions,
                                                .action_stride = sizeof(dune_action),
                                                .create = create,
                                                .destroy = destroy,
                                                .invoke = invoke};
static const dune_component component = {.struct_size = sizeof(dune_component),
                                         .iface = DUNE_S(DUNE_IFACE_INTEGRATION_V1),
                                         .id = DUNE_S("{{name}}"),
                                         .title = DUNE_S("{{title}}"),
                                         .doc = DUNE_S("Lists and opens tickets of a desk."),
                                         .params = params,
                                         .param_count = P_COUNT,
                                         .param_stride = sizeof(dune_param_spec),
                                         .vtable = &integration};
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
