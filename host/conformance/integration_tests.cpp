// Tests of integrations: every action on inputs made from its schema and on hostile ones.
#include <fmt/format.h>

#include "conformance/adapters.hpp"
#include "conformance/session.hpp"
#include "conformance/tests.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

namespace dunetrace::conformance {
namespace {

constexpr int kSchemaDepth = 8;

// A value that a JSON schema of the simple sort allows.
void write_sample(json::Writer& out, const json::Value& schema, int depth) {
  const auto type = schema["type"].string().value_or("");
  if (const auto choices = schema["enum"]; choices.is_array() && choices.size() > 0) {
    bool first = true;
    choices.each_element([&](json::Value value) {
      if (std::exchange(first, false)) out.raw(json::to_text(value));
    });
  } else if (type == "integer" || type == "number") {
    out.raw(schema["minimum"].missing() ? "1" : json::to_text(schema["minimum"]));
  } else if (type == "boolean") {
    out.boolean(true);
  } else if (type == "array" && depth < kSchemaDepth) {
    out.begin_array();
    write_sample(out, schema["items"], depth + 1);
    out.end_array();
  } else if ((type == "object" || (type.empty() && depth == 0)) && depth < kSchemaDepth) {
    out.begin_object();
    schema["properties"].each_member([&](std::string_view name, json::Value member) {
      out.key(name);
      write_sample(out, member, depth + 1);
    });
    out.end_object();
  } else {
    out.string("value");
  }
}

std::string sample_input(const plugin::Action& action) {
  json::Parser parser;
  const auto schema = parser.parse(action.input_schema);
  json::Writer out;
  if (schema) write_sample(out, *schema, 0);
  return out.complete() ? out.take() : "{}";
}

// What is wrong with how a call ended; a failure with a text is fine.
std::string wrong(const Instance::Done& done) {
  if (done.error.find("threw a") != std::string::npos) return done.error;
  if (!done.breaches.empty()) return done.breaches.front();
  if (done.status > 0) return fmt::format("returned {}, which is no status of invoke()", done.status);
  if (done.status == DUNE_OK && !done.whole) return "wrote no complete JSON value as its result";
  return {};
}

const std::vector<Answer>& answers() {
  static const std::vector<Answer> all = {{200, "{}", 0, DUNE_OK},     {200, "[]", 0, DUNE_OK},
                                          {200, "\xFF{", 0, DUNE_OK},  {404, "", 0, DUNE_OK},
                                          {500, "<html>", 0, DUNE_OK}, {0, "", 0, DUNE_E_TIMEOUT}};
  return all;
}

}  // namespace

Finding test_invoke(Session& session) {
  return each_component(
      session, DUNE_IFACE_INTEGRATION_V1, [&](const auto& component, const Values& values) -> Finding {
        std::size_t calls = 0;
        for (const auto& shape : {HostShape{}, HostShape{.tail = 64, .newer = true}}) {
          const auto instance = Instance::create(component, values, shape);
          if (!instance) return failed(instance.error().text);
          for (const auto& action : component.actions) {
            for (const auto& input :
                 {sample_input(action), std::string("{}"), std::string("[1]"), std::string("{\"a\":"),
                  std::string(R"({"a\u0000":"\ud83d\ude00","deep":[[[[[[{}]]]]]]})")}) {
              for (const auto& answer : answers()) {
                const auto what = fmt::format("invoke({}) with {}, answered by {}", action.id, input, answer.status);
                session.doing(what);
                (*instance)->host().answer = answer;
                const auto why = wrong((*instance)->invoke(action.id, input, action.mutates));
                if (!why.empty()) return failed(what + ": " + why);
                ++calls;
              }
            }
          }
          session.doing("invoke() of an action that is not there");
          if ((*instance)->invoke("no_such_action", "{}", true).status >= 0) {
            return failed("invoke() of an action that is not there did not fail", "return DUNE_E_UNSUPPORTED");
          }
        }
        return passed(fmt::format("{} calls", calls));
      });
}

Finding test_dry_run(Session& session) {
  return each_component(
      session, DUNE_IFACE_INTEGRATION_V1, [&](const auto& component, const Values& values) -> Finding {
        const auto instance = Instance::create(component, values);
        if (!instance) return failed(instance.error().text);
        std::size_t mutating = 0;
        for (const auto& action : component.actions) {
          if (!action.mutates) continue;
          ++mutating;
          const auto input = sample_input(action);
          for (const auto& answer : answers()) {
            session.doing(fmt::format("a dry run of {} with {}", action.id, input));
            (*instance)->host().answer = answer;
            const auto done = (*instance)->invoke(action.id, input, true);
            for (const auto& sent : (*instance)->host().sent) {
              if (sent.method != "GET" && sent.method != "HEAD") {
                return failed(fmt::format("a dry run of {} sent {}", action.id, sent.method));
              }
            }
            if (done.status == DUNE_OK && (done.result.empty() || done.result == "{}" || done.result == "null")) {
              return failed(fmt::format("a dry run of {} does not describe the change: {}", action.id, done.result));
            }
          }
        }
        return passed(fmt::format("{} mutating actions", mutating));
      });
}

}  // namespace dunetrace::conformance
