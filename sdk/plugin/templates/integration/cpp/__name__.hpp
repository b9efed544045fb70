// {{title}}: lists and opens tickets over HTTP. This integration is an example that works: change the actions into
// yours. Actions are started with `dunetrace plugin run` in this version; one call at a time per instance.
#pragma once
#include <dunetrace/integration.hpp>

#include <string>
#include <string_view>
#include <tuple>

namespace {{name}} {

struct {{Name}} {
  struct Params {
    std::string url;
  };
  static constexpr const char *plugin_id = "com.example.{{name}}", *vendor = "{{vendor}}", *version = "1.0.0",
                              *license = "{{license}}", *id = "{{name}}", *title = "{{title}}",
                              *doc = "Lists and opens tickets of a desk.";
  static constexpr auto params = std::make_tuple(
      dunetrace::required(&Params::url, "url", "", "Where tickets are listed (GET) and opened (POST); https."));
  // With JSON schemas of their input. One that changes something must be able to do as if (dry_run).
  static constexpr dune_action actions[] = {
      dunetrace::action("list", "List tickets", "The tickets as the desk gives them.",
                        R"({"type":"object","properties":{},"additionalProperties":false})"),
      dunetrace::mutating("open", "Open a ticket", "Opens a ticket with this title.",
                          R"({"type":"object","required":["title"],"properties":{"title":{"type":"string"}},)"
                          R"("additionalProperties":false})")};

  {{Name}}(const Params& p, dunetrace::Host host) : params_(p), http_(host), json_(host) {}

  // Writes one JSON value, the result, or throws Failure with a reason.
  void invoke(const dunetrace::Call& call, dunetrace::JsonWriter& result) const {
    if (call.action() == "list") {
      const std::string tickets = ask("GET", call);
      result.object([&](auto& json) { json.raw("tickets", tickets); });
      return;
    }
    const auto wanted = json_.string(call.input(), "/title");
    if (!wanted || wanted->empty()) throw dunetrace::Failure(DUNE_E_INVALID, "title: must be a text that is not empty");
    if (call.dry_run()) {  // change nothing: say what would be changed
      result.object([&](auto& json) { json.raw("would_open", call.input()); });
      return;
    }
    const std::string opened = ask("POST", call);
    result.object([&](auto& json) { json.raw("opened", opened); });
  }

 private:
  // One exchange; the answer must be JSON.
  std::string ask(const char* method, const dunetrace::Call& call) const {
    dunetrace::HttpRequest request;
    request.method = method;
    request.url = params_.url;
    request.headers = {{"Content-Type", "application/json"}, {"Idempotency-Key", std::string(call.idempotency_key())}};
    if (request.method == "POST") request.body = std::string(call.input());
    const dunetrace::HttpReply reply = http_.send(request);
    if (!reply.arrived()) throw dunetrace::Failure(reply.error, reply.why);
    if (!reply.ok()) throw dunetrace::Failure(DUNE_E_IO, "the desk refused");
    if (!json_.type_of(reply.body, "")) throw dunetrace::Failure(DUNE_E_IO, "the desk did not answer with JSON");
    return std::string(reply.body);
  }

  Params params_;
  dunetrace::Http http_;
  dunetrace::JsonReader json_;
};

}  // namespace {{name}}
