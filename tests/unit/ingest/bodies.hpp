// Bodies of POST /v1/ingest for tests.
#pragma once

#include <string>
#include <string_view>

#include "ingest/admission.hpp"
#include "json/reader.hpp"

namespace dunetrace::ingest::testing {

constexpr double kNow = 1'767'225'600.25;

// One valid event with `member` in place of, or besides, its own members.
inline std::string event_with(std::string_view without, std::string_view member) {
  const std::pair<std::string_view, std::string_view> members[] = {{"event_type", R"("tool.called")"},
                                                                   {"run_id", R"("r-1")"},
                                                                   {"agent_id", R"("a-1")"},
                                                                   {"agent_version", R"("v1")"},
                                                                   {"step_index", "3"},
                                                                   {"timestamp", "1767225600.5"},
                                                                   {"payload", R"({"tool_name":"search"})"}};
  std::string text = "{";
  for (const auto& [name, value] : members) {
    if (name == without) continue;
    text += (text.size() > 1 ? ",\"" : "\"") + std::string(name) + "\":" + std::string(value);
  }
  if (!member.empty()) text += "," + std::string(member);
  return text + "}";
}

inline std::string body_of(std::string_view events, std::string_view rest = R"("agent_id":"a-1")") {
  return "{" + std::string(rest) + R"(,"events":[)" + std::string(events) + "]}";
}

inline std::string valid_event() { return event_with("", ""); }

inline tl::expected<Admitted, Refusal> admitted(std::string body, AdmissionRules rules = {}) {
  return admit(std::move(body), rules, kNow);
}

// "type @ loc: msg" of every problem of a 422 answer, one per line; "accepted" when there is none.
inline std::string problems(std::string body, AdmissionRules rules = {}) {
  const auto result = admitted(std::move(body), rules);
  if (result) return "accepted";
  json::Parser parser;
  const auto root = parser.parse(result.error().body);
  if (!root || !(*root)["detail"].is_array()) return "no detail: " + result.error().body;
  std::string text;
  (*root)["detail"].each_element([&](json::Value problem) {
    if (!text.empty()) text += "\n";
    text += std::string(problem["type"].string().value_or("?")) + " @";
    problem["loc"].each_element([&](json::Value part) { text += " " + json::to_text(part); });
    text += ": " + std::string(problem["msg"].string().value_or("?"));
  });
  return text;
}

// Problems of a batch with this one event.
inline std::string event_problems(std::string_view without, std::string_view member) {
  return problems(body_of(event_with(without, member)));
}

}  // namespace dunetrace::ingest::testing
