#include "run_file.hpp"

#include <memory>

#include "detect/replay.hpp"
#include "json/reader.hpp"
#include "testing/temp_dir.hpp"

namespace dunetrace::abi {
namespace {

Baselines baselines_of(const json::Value& value) {
  return {value["p75_steps"].number(), value["p75_tool_latency_ms"].number(), value["p75_llm_latency_ms"].number(),
          value["p75_token_growth"].number(), value["p75_llm_tool_ratio"].number()};
}

// The parsed text lives as long as the run, which points into it.
struct Kept {
  std::string text;
  json::Parser parser;
};

}  // namespace

Result<Run> run_of(const std::filesystem::path& file) {
  auto kept = std::make_shared<Kept>();
  kept->text = testing::read_file(file);
  DUNE_TRY(root, kept->parser.parse(kept->text));
  RunEvents events;
  events.run_id = root["run_id"].string().value_or("");
  root["events"].each_element([&](const json::Value& value) {
    Event event;
    event.id = static_cast<std::int64_t>(events.events.size()) + 1;
    event.type = value["event_type"].string().value_or("");
    event.kind = event_kind(event.type);
    event.step_index = static_cast<std::int32_t>(value["step_index"].integer().value_or(0));
    event.timestamp = value["timestamp"].number().value_or(0);
    event.agent_id = value["agent_id"].string().value_or("");
    event.agent_version = value["agent_version"].string().value_or("");
    event.parent_run_id = value["parent_run_id"].string().value_or(std::string_view());
    event.payload = json::raw_at(kept->text, "/events/" + std::to_string(events.events.size()) + "/payload");
    events.events.push_back(event);
  });
  if (events.events.empty()) return fail(Code::invalid_argument, file.string() + ": has no events");
  events.storage = kept;
  return detect::Replayer().replay(std::move(events), baselines_of(root["baselines"]));
}

}  // namespace dunetrace::abi
