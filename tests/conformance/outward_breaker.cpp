// A destination, an integration or a throwing detector in C++, each breaking one rule (-DBREAK_<RULE>); see breaker.c.
#include <dunetrace/alert.hpp>
#include <dunetrace/integration.hpp>

#include <stdexcept>
#include <string>
#include <vector>

#if defined(BREAK_LOST) || defined(BREAK_NO_KEY) || defined(BREAK_HEADER) || defined(KEEP_ALERT)
struct Post : dunetrace::HttpAlert {
  struct Params {
    std::string url;
  };
  static constexpr const char *plugin_id = "test.post", *vendor = "Test", *version = "1.0.0", *license = "Apache-2.0",
                              *id = "post", *title = "Post", *doc = "Posts what it is given.";
  static constexpr std::uint32_t max_batch = 50;
  static constexpr auto params =
      std::make_tuple(dunetrace::required(&Params::url, "url", "", "Where alerts are sent."));
  Post(const Params& p, dunetrace::Host host) : HttpAlert(host), host_(host), params_(p) {}

  dunetrace::Delivery deliver(const dunetrace::AlertBatch& batch) const {
    dunetrace::HttpRequest request;
    request.url = params_.url;
    request.body = "{}";
    if (!batch.alerts().empty()) {
#if defined(BREAK_HEADER)
      request.headers.emplace_back("X-Title", batch.alerts()[0].title());
#endif
    }
#if defined(BREAK_NO_KEY)
    return dunetrace::delivery_of(dunetrace::Http(host_).send(request));
#elif defined(BREAK_LOST)
    send(std::move(request), batch);
    return dunetrace::Delivery::delivered();
#else
    return send(std::move(request), batch);
#endif
  }

 private:
  dunetrace::Host host_;
  Params params_;
};
DUNE_ALERT_PLUGIN(Post)

#else
struct Desk {
  struct Params {
    std::string url;
  };
  static constexpr const char *plugin_id = "test.desk", *vendor = "Test", *version = "1.0.0", *license = "Apache-2.0",
                              *id = "desk", *title = "Desk", *doc = "Opens tickets somewhere.";
  static constexpr auto params = std::make_tuple(dunetrace::required(&Params::url, "url", "", "Where the desk is."));
  static constexpr dune_action actions[] = {dunetrace::mutating(
      "open", "Open", "Opens a ticket for a signal.",
      R"({"type":"object","properties":{"title":{"type":"string"},"count":{"type":"integer","minimum":3}}})")};
  Desk(const Params& p, dunetrace::Host host) : http_(host), params_(p) {}

  void invoke(const dunetrace::Call& call, dunetrace::JsonWriter& result) {
    if (call.action() != "open") throw dunetrace::Failure(DUNE_E_UNSUPPORTED, "there is no such action");
#if !defined(BREAK_DRY_RUN)
    if (!call.dry_run())
#endif
    {
      dunetrace::HttpRequest request;
      request.url = params_.url;
      http_.send(request);
    }
#if defined(BREAK_RESULT)
    result.value("a ticket");
    result.value("and another");
#else
    result.value(std::vector<std::string>{"would open a ticket"});
#endif
  }

 private:
  dunetrace::Http http_;
  Params params_;
};
DUNE_INTEGRATION_PLUGIN(Desk)
#endif
