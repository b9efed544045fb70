#include "cases/script.hpp"

#include <limits>
#include <utility>

#include "cases/yaml_json.hpp"

namespace dunetrace::cases {
namespace {

constexpr std::int64_t kBeginSeconds = 1'767'225'600;
// Exact in binary, and so are the differences: durations come out as the milliseconds that were written.
constexpr std::int64_t kTickMs = 125;
// One entry may be repeated 100,000 times: few of them would fill the memory.
constexpr std::size_t kMostEvents = 250'000;

class Player {
 public:
  explicit Player(Numbering numbering) : numbering_(numbering) {}

  void play(const YAML::Node& entry) {
    const auto times = entry["times"] && !entry["times"].IsNull() ? entry["times"].as<int>() : 1;
    for (int i = 0; i < times; ++i) play_once(entry);
  }
  std::vector<EventSpec> take() { return std::move(events_); }

 private:
  void play_once(const YAML::Node& entry) {
    at_ = entry.Mark();
    wait(entry["after_ms"]);
    if (entry["step"] && !entry["step"].IsNull()) pinned_ = entry["step"].as<std::int32_t>();
    if (entry["tool"]) {
      tool(entry);
    } else if (entry["llm"]) {
      llm(entry);
    } else if (entry["retrieval"]) {
      retrieval(entry);
    } else if (entry["start"]) {
      emit("run.started", json_of(entry["start"]), false);
    } else if (entry["completed"]) {
      const auto reason = entry["completed"];
      emit("run.completed", reason.IsNull() ? "{}" : object({{"exit_reason", reason}}), false);
    } else if (entry["errored"]) {
      emit("run.errored", json_of(entry["errored"]), false);
    } else if (entry["signal"]) {
      emit("external.signal",
           object({{"signal_name", entry["signal"]}, {"source", entry["source"]}, {"meta", entry["meta"]}}), false);
    } else if (entry["event"]) {
      const auto type = entry["event"].as<std::string>();
      emit(type, json_of(entry["payload"]), type.ends_with(".called"));
    } else {
      throw YAML::Exception(entry.Mark(), "expected start, tool, llm, retrieval, signal, completed, errored or event");
    }
    pinned_.reset();
  }

  void tool(const YAML::Node& entry) {
    emit("tool.called", object({{"tool_name", entry["tool"]}, {"args_hash", entry["args"]}}), true);
    if (flag(entry["unanswered"])) return;
    wait(entry["during_ms"]);
    const auto ok = entry["ok"] ? entry["ok"] : YAML::Node(true);
    emit("tool.responded",
         object({{"tool_name", entry["tool"]},
                 {"success", ok},
                 {"output_length", entry["out"]},
                 {"error_hash", entry["error"]},
                 {"latency_ms", entry["latency_ms"]}}),
         false);
  }

  void llm(const YAML::Node& entry) {
    const auto model = entry["llm"].IsNull() ? YAML::Node("gpt-4o") : entry["llm"];
    emit("llm.called", object({{"model", model}, {"prompt_tokens", entry["prompt"]}}), true);
    if (flag(entry["unanswered"])) return;
    wait(entry["during_ms"]);
    const auto finish = entry["finish"] ? entry["finish"] : YAML::Node("stop");
    const auto out = entry["out"] ? entry["out"] : YAML::Node(20);
    emit("llm.responded",
         object({{"finish_reason", finish},
                 {"output_length", out},
                 {"completion_tokens", entry["completion"]},
                 {"latency_ms", entry["latency_ms"]}}),
         false);
  }

  void retrieval(const YAML::Node& entry) {
    emit("retrieval.called", object({{"index_name", entry["retrieval"]}}), true);
    emit(
        "retrieval.responded",
        object({{"index_name", entry["retrieval"]}, {"result_count", entry["results"]}, {"top_score", entry["score"]}}),
        false);
  }

  static bool flag(const YAML::Node& node) { return node && !node.IsNull() && node.as<bool>(); }

  // The next event comes this much later than one tick after the latest.
  void wait(const YAML::Node& ms) {
    if (ms && !ms.IsNull()) now_ms_ += ms.as<std::int64_t>() - kTickMs;
  }

  void emit(std::string type, std::string payload, bool advances) {
    if (events_.size() >= kMostEvents) {
      throw YAML::Exception(at_, "the run has more than " + std::to_string(kMostEvents) + " events");
    }
    if (pinned_) {
      step_ = *pinned_;
      pinned_.reset();
    } else if (!events_.empty() && (advances || numbering_ == Numbering::manual)) {
      if (step_ == std::numeric_limits<std::int32_t>::max()) {
        throw YAML::Exception(at_, "the step index would be larger than " + std::to_string(step_));
      }
      ++step_;
    }
    const double timestamp = static_cast<double>(kBeginSeconds) + static_cast<double>(now_ms_) / 1000.0;
    events_.push_back({std::move(type), step_, timestamp, std::move(payload)});
    now_ms_ += kTickMs;
  }

  static std::string json_of(const YAML::Node& node) {
    if (!node.IsDefined() || node.IsNull()) return "{}";
    json::Writer writer;
    write_json(writer, node);
    return writer.take();
  }

  // Members whose value is null or not given are left out.
  static std::string object(const std::vector<std::pair<const char*, YAML::Node>>& members) {
    json::Writer writer;
    writer.begin_object();
    for (const auto& [name, value] : members) {
      if (!value.IsDefined() || value.IsNull()) continue;
      writer.key(name);
      write_json(writer, value);
    }
    writer.end_object();
    return writer.take();
  }

  Numbering numbering_;
  YAML::Mark at_;  // of the entry that is played
  std::int32_t step_ = 0;
  std::int64_t now_ms_ = 0;
  std::optional<std::int32_t> pinned_;
  std::vector<EventSpec> events_;
};

}  // namespace

std::vector<EventSpec> play(const YAML::Node& script, Numbering numbering) {
  Player player(numbering);
  for (const auto& entry : script) player.play(entry);
  return player.take();
}

}  // namespace dunetrace::cases
