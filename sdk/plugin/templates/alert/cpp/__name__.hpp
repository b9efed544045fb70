// {{title}}: posts explained alerts as JSON to a URL. This destination is an example that works: change request() into
// what your receiver takes. The host queues, repeats and gives up; deliver() is one attempt, by one thread at a time.
#pragma once
#include <dunetrace/alert.hpp>

#include <string>
#include <string_view>
#include <tuple>

namespace {{name}} {

struct {{Name}} : dunetrace::HttpAlert {
  // What operators set. A secret is given as a reference (env:NAME, file:/path), and the host never shows it.
  struct Params {
    std::string url, channel;
  };
  static constexpr const char *plugin_id = "com.example.{{name}}", *vendor = "{{vendor}}", *version = "1.0.0",
                              *license = "{{license}}", *id = "{{name}}", *title = "{{title}}",
                              *doc = "Posts alerts as JSON to a URL of yours.";
  static constexpr std::uint32_t max_batch = 20;  // alerts in one delivery
  static constexpr auto params = std::make_tuple(
      dunetrace::secret(dunetrace::required(&Params::url, "url", "", "Where alerts are posted; https.")),
      dunetrace::param(&Params::channel, "channel", "alerts", "", "Sent along, for receivers that sort."));

  {{Name}}(const Params& p, dunetrace::Host host) : HttpAlert(host), params_(p) {}

  // One batch, one request. The header Idempotency-Key is added: the same batch may come again. 2xx means delivered;
  // 408, 425, 429, 5xx and transport errors mean later; every other answer means never.
  dunetrace::HttpRequest request(const dunetrace::AlertBatch& batch) const {
    dunetrace::JsonText json;
    json.begin_object().value("channel", params_.channel).key("alerts").begin_array();
    for (const dunetrace::Alert alert : batch.alerts()) {
      json.begin_object()
          .value("failure_type", alert.signal_type())
          .value("severity", std::string_view(alert.severity_name()))
          .value("agent", alert.agent_id())
          .value("run", alert.run_id())
          .value("title", alert.title())
          .value("what", alert.what())
          .key("evidence")
          .raw(alert.evidence_json())
          .end_object();
    }
    json.end_array().end_object();
    dunetrace::HttpRequest out;
    out.url = params_.url;
    out.headers = {{"Content-Type", "application/json"}};
    out.body = json.take();
    return out;
  }

 private:
  Params params_;
};

}  // namespace {{name}}
