#include "plugin/describe_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "json/reader.hpp"
#include "json/writer.hpp"
#include "plugin/take.hpp"

namespace dunetrace::plugin {
namespace {

constexpr std::size_t kMaxText = 16 * 1024;
constexpr std::uint32_t kMaxActions = 64;
constexpr std::uint32_t kMostAlerts = 1000;  // of one batch, however much a destination says it takes

Result<Action> action_of(const void* record, std::string_view component) {
  dune_action raw{};
  if (!take(record, raw, DUNE_END(dune_action, input_schema_json))) {
    return wrong(fmt::format("{}: an action record is smaller than version 1.0 has it", component));
  }
  Action out;
  DUNE_TRY(id, text_of(raw.id, fmt::format("{}: action id", component), true));
  if (!lower_snake(id)) return wrong(fmt::format("{}: action id '{}' is not lower_snake_case", component, id));
  const auto where = fmt::format("{}.{}", component, id);
  DUNE_TRY(title, text_of(raw.title, where + " title", true));
  DUNE_TRY(doc, text_of(raw.doc, where + " doc", false));
  DUNE_TRY(schema, text_of(raw.input_schema_json, where + " input schema", true));
  json::Parser parser;
  const auto parsed = parser.parse(schema);
  if (!parsed) return wrong(fmt::format("{}: the input schema is no JSON: {}", where, parsed.error().text));
  if (!parsed->is_object()) return wrong(fmt::format("{}: the input schema is no JSON object", where));
  return Action{std::move(id), std::move(title), std::move(doc), std::move(schema), raw.mutates != 0};
}

bool control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

tl::unexpected<Error> wrong(std::string text) { return fail(Code::invalid_argument, std::move(text)); }

Result<std::string> text_of(dune_str value, std::string_view field, bool required) {
  if (value.ptr == nullptr && value.len != 0)
    return wrong(fmt::format("{}: a length of {} without text", field, value.len));
  if (value.len > kMaxText)
    return wrong(fmt::format("{}: {} bytes, at most {} are allowed", field, value.len, kMaxText));
  if (required && value.len == 0) return wrong(fmt::format("{}: is empty", field));
  auto text = json::repair_utf8(view(value));
  std::erase_if(text, [](char c) { return control(c) && c != '\n' && c != '\t' && c != '\r'; });
  if (required && text.empty()) return wrong(fmt::format("{}: holds nothing but control characters", field));
  return text;
}

Result<std::string> name_of(dune_str value, std::string_view field, bool required) {
  DUNE_TRY(text, text_of(value, field, required));
  if (std::ranges::any_of(view(value), control)) {
    return wrong(fmt::format("{}: holds a control character, expected text on one line", field));
  }
  return text;
}

bool lower_snake(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() < 'a' || name.front() > 'z') return false;
  return std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

Result<> describe_alert(const void* vtable, Component& out) {
  const auto& id = out.schema.id;
  dune_alert_v1 table{};
  if (!take(vtable, table, DUNE_END(dune_alert_v1, deliver))) {
    return wrong(fmt::format("{}: the alert table is missing or smaller than version 1.0 has it", id));
  }
  if (table.create == nullptr || table.destroy == nullptr || table.deliver == nullptr) {
    return wrong(fmt::format("{}: create, destroy and deliver must all be given", id));
  }
  if (table.max_batch == 0) return wrong(fmt::format("{}: max_batch is 0, expected how many alerts it takes", id));
  out.max_batch = std::min(table.max_batch, kMostAlerts);
  out.schema.kind = "alert";
  return {};
}

Result<> describe_integration(const void* vtable, Component& out) {
  const auto& id = out.schema.id;
  dune_integration_v1 table{};
  if (!take(vtable, table, DUNE_END(dune_integration_v1, invoke))) {
    return wrong(fmt::format("{}: the integration table is missing or smaller than version 1.0 has it", id));
  }
  if (table.create == nullptr || table.destroy == nullptr || table.invoke == nullptr) {
    return wrong(fmt::format("{}: create, destroy and invoke must all be given", id));
  }
  if (table.action_count == 0 || table.action_count > kMaxActions || table.actions == nullptr ||
      table.action_stride < DUNE_END(dune_action, input_schema_json)) {
    return wrong(fmt::format("{}: {} actions with a stride of {} bytes, 1 to {} are expected", id, table.action_count,
                             table.action_stride, kMaxActions));
  }
  std::set<std::string> ids;
  for (std::uint32_t i = 0; i < table.action_count; ++i) {
    DUNE_TRY(one, action_of(element(table.actions, table.action_stride, i), id));
    if (!ids.insert(one.id).second) return wrong(fmt::format("{}: action '{}' is declared twice", id, one.id));
    out.actions.push_back(std::move(one));
  }
  out.schema.kind = "integration";
  return {};
}

}  // namespace dunetrace::plugin
