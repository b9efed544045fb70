// Tests of destinations: deliveries to a receiver with canned answers.
#include <fmt/format.h>

#include <algorithm>

#include "conformance/adapters.hpp"
#include "conformance/session.hpp"
#include "conformance/tests.hpp"
#include "plugin/take.hpp"

namespace dunetrace::conformance {
namespace {

using plugin::to_str;

constexpr std::string_view kKey = "idempotency-key-4711";
constexpr std::size_t kHuge = 500;

dune_alert alert_of(std::string_view text, std::string_view evidence = R"({"tool":"search","count":5})") {
  static constexpr dune_fix kFixes[] = {{DUNE_S("Do it once"), DUNE_S("python"), DUNE_S("once()\n")}};
  dune_alert out{};
  out.step_index = 3;
  out.severity = DUNE_SEVERITY_HIGH;
  out.signal_id = to_str("signal-1");
  out.signal_type = to_str("SOME_TYPE");
  out.run_id = to_str("run-1");
  out.agent_id = out.agent_version = out.title = out.what = out.why_it_matters = out.evidence_summary = to_str(text);
  out.confidence = 0.75;
  out.detected_at = 1'767'225'600;
  out.evidence_json = to_str(evidence);
  out.fixes = kFixes;
  out.fix_count = 1;
  return out;
}

// Requests as text, to compare what two hosts of different shapes got.
std::string text_of_requests(const std::vector<Sent>& sent) {
  std::string out;
  for (const auto& one : sent) {
    out += one.method + " " + one.url + "\n";
    for (const auto& [name, value] : one.headers) out += name + ": " + value + "\n";
    out += one.body + "\n";
  }
  return out;
}

std::string outcome_text(dune_status status) {
  if (status == DUNE_DELIVERED) return "delivered";
  if (status == DUNE_RETRY_LATER) return "retry";
  if (status == DUNE_REJECTED) return "rejected";
  return status < 0 ? "failed" : fmt::format("unknown outcome {}", status);
}

}  // namespace

Finding test_deliver(Session& session) {
  return each_component(session, DUNE_IFACE_ALERT_V1, [&](const auto& component, const Values& values) -> Finding {
    const std::vector<dune_alert> batch{alert_of("first"), alert_of("second")};
    std::string usual;
    for (const auto& [where, shape] :
         {std::pair<const char*, HostShape>{"as usual", {}},
          {"with padded elements", {.padding = 24}},
          {"on a host of a later minor version", {.padding = 16, .tail = 64, .newer = true}}}) {
      session.doing(fmt::format("create() {}", where));
      const auto instance = Instance::create(component, values, shape);
      if (!instance) return failed(instance.error().text);
      session.doing(fmt::format("deliver() of two alerts {}", where));
      const auto done = (*instance)->deliver(batch, kKey);
      const auto& sent = (*instance)->host().sent;
      if (done.status != DUNE_DELIVERED) {
        return failed(
            fmt::format("{}: {} although every answer was 200: {}", where, outcome_text(done.status), done.error));
      }
      if (!done.breaches.empty()) return failed(done.breaches.front());
      if (sent.empty()) return failed("it said delivered and sent nothing");
      const auto text = text_of_requests(sent);
      if (text.find(kKey) == text.npos) {
        return failed("the idempotency key is in none of its requests",
                      "send batch.idempotency_key() as a header: the receiver may get a batch twice");
      }
      if (usual.empty()) usual = text;
      if (text != usual) return failed(fmt::format("{} it sent something else", where));
    }
    return passed();
  });
}

Finding test_deliver_hostile(Session& session) {
  static const std::string kLong(1 << 20, 'w');
  static const std::string kStrange = std::string("a\0\r\nX: y", 8) + "\"\\{}<>&\x01 \xF0\x9F\x92\xA3 \xE2\x80\xAE";
  dune_alert bare{};
  const std::vector<std::pair<std::string, std::vector<dune_alert>>> batches = {
      {"an empty batch", {}},
      {"an alert of which nothing is given", {bare}},
      {"strange characters", {alert_of(kStrange, "{}")}},
      {"texts of a megabyte", {alert_of(kLong)}},
      {fmt::format("{} alerts", kHuge), std::vector<dune_alert>(kHuge, alert_of("many"))}};
  const std::vector<Answer> answers = {{200, "", 0, DUNE_OK},          {200, "\xFF\xFE not text", 0, DUNE_OK},
                                       {429, "{", INT64_MAX, DUNE_OK}, {503, "busy", -1, DUNE_OK},
                                       {0, "", 0, DUNE_E_TIMEOUT},     {0, "", 0, DUNE_E_DENIED}};
  return each_component(session, DUNE_IFACE_ALERT_V1, [&](const auto& component, const Values& values) -> Finding {
    const auto instance = Instance::create(component, values);
    if (!instance) return failed(instance.error().text);
    for (const auto& [name, batch] : batches) {
      for (const auto& answer : answers) {
        const auto what = fmt::format("deliver() of {}, answered by {}", name,
                                      answer.error == DUNE_OK ? fmt::format("{}", answer.status) : "nothing");
        session.doing(what);
        (*instance)->host().answer = answer;
        const auto done = (*instance)->deliver(batch, kKey);
        if (done.error.find("threw a") != std::string::npos) return failed(what + ": " + done.error);
        if (done.status > DUNE_REJECTED) return failed(what + ": " + outcome_text(done.status));
        if (!done.breaches.empty()) return failed(what + ": " + done.breaches.front());
      }
    }
    return passed(fmt::format("{} deliveries", batches.size() * answers.size()));
  });
}

Finding test_answers(Session& session) {
  return each_component(session, DUNE_IFACE_ALERT_V1, [&](const auto& component, const Values& values) -> Finding {
    const auto instance = Instance::create(component, values);
    if (!instance) return failed(instance.error().text);
    std::string said;
    for (const auto& [status, waits, lost_when_delivered] : {std::tuple{200, 0, false},
                                                             {204, 0, false},
                                                             {404, 0, true},
                                                             {429, 7000, true},
                                                             {500, 0, true},
                                                             {0, 0, true}}) {
      session.doing(fmt::format("deliver(), answered by {}", status));
      (*instance)->host().answer = {status, "{}", waits, status == 0 ? DUNE_E_IO : DUNE_OK};
      const auto done = (*instance)->deliver({alert_of("one")}, kKey);
      const auto name = status == 0 ? std::string("no answer") : std::to_string(status);
      if (status == 200 && done.status != DUNE_DELIVERED) {
        return failed(fmt::format("200 is {}: {}", outcome_text(done.status), done.error));
      }
      if (lost_when_delivered && done.status == DUNE_DELIVERED) {
        return failed(name + " is taken as delivered: the alert is lost");
      }
      if ((status == 429 || status >= 500 || status == 0) && done.status != DUNE_RETRY_LATER) {
        return failed(fmt::format("{} is {}, not retry: the alert is lost", name, outcome_text(done.status)));
      }
      said += fmt::format("{}{} {}", said.empty() ? "" : ", ", name, outcome_text(done.status));
    }
    return passed(said);
  });
}

}  // namespace dunetrace::conformance
