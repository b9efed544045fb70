// An alert destination in C++: posts a batch of explained alerts as one JSON document. The receiver knows a repeated
// batch by the header Idempotency-Key.
#include <dunetrace/alert.hpp>

struct JsonPost : dunetrace::HttpAlert {
  struct Params {
    std::string url, token;
    std::int64_t timeout_ms_per_post = 0;
  };

  static constexpr const char *plugin_id = "example.json_post", *vendor = "Example", *version = "1.0.0",
                              *license = "Apache-2.0", *id = "json_post", *title = "JSON post",
                              *doc = "Posts explained alerts as JSON to a URL of yours.";
  static constexpr std::uint32_t max_batch = 100;
  static constexpr auto params = std::make_tuple(
      dunetrace::secret(dunetrace::required(&Params::url, "url", "", "Where alerts are posted; https.")),
      dunetrace::secret(dunetrace::param(&Params::token, "token", "", "", "Sent as a bearer token when it is set.")),
      dunetrace::param(&Params::timeout_ms_per_post, "post_timeout_ms", std::int64_t{10'000}, std::int64_t{100},
                       std::int64_t{60'000}, "ms", "How long the receiver may take for one post."));

  JsonPost(const Params& values, dunetrace::Host host) : HttpAlert(host), params_(values) {}

  dunetrace::HttpRequest request(const dunetrace::AlertBatch& batch) const {
    dunetrace::JsonText json;
    json.begin_object().value("idempotency_key", batch.idempotency_key()).value("attempt", batch.attempt());
    json.key("alerts").begin_array();
    for (const auto alert : batch.alerts()) write(json, alert);
    json.end_array().end_object();

    dunetrace::HttpRequest out;
    out.url = params_.url;
    out.headers = {{"Content-Type", "application/json"}};
    if (!params_.token.empty()) out.headers.emplace_back("Authorization", "Bearer " + params_.token);
    out.body = json.take();
    out.timeout = std::chrono::milliseconds(params_.timeout_ms_per_post);
    return out;
  }

 private:
  static void write(dunetrace::JsonText& json, const dunetrace::Alert& alert) {
    json.begin_object()
        .value("signal_id", alert.signal_id())
        .value("failure_type", alert.signal_type())
        .value("severity", std::string_view(alert.severity_name()))
        .value("confidence", alert.confidence())
        .value("run_id", alert.run_id())
        .value("agent_id", alert.agent_id())
        .value("agent_version", alert.agent_version())
        .value("step_index", alert.step())
        .value("detected_at", alert.timestamp())
        .value("title", alert.title())
        .value("what", alert.what())
        .value("why_it_matters", alert.why_it_matters())
        .value("evidence_summary", alert.evidence_summary())
        .key("evidence")
        .raw(alert.evidence_json());
    json.key("suggested_fixes").begin_array();
    for (std::size_t i = 0; i < alert.fix_count(); ++i) {
      const auto& fix = alert.fix(i);
      json.begin_object()
          .value("description", dunetrace::view(fix.description))
          .value("language", dunetrace::view(fix.language))
          .value("code", dunetrace::view(fix.code))
          .end_object();
    }
    json.end_array().end_object();
  }

  Params params_;
};

DUNE_ALERT_PLUGIN(JsonPost)
