// Writes the events one demo run would have sent, in the numbering of the packaged SDKs (spec/wire.md 4.12).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/writer.hpp"

namespace dunetrace::cli {

struct DemoAgent {
  std::string id;
  std::string prompt;  // hashed into the version, never sent
  std::string model;
  std::vector<std::string> tools;
};

// The first 8 hex characters over prompt, model and tools (spec/wire.md 7; tool names here need no escaping).
[[nodiscard]] std::string agent_version(const DemoAgent& agent);

struct LlmAnswer {
  int prompt_tokens = 0;
  int completion_tokens = 120;
  int latency_ms = 900;
  std::string finish_reason = "stop";
  int output_length = 480;
};

class DemoScript {
 public:
  // `began`: Unix seconds of the first event. `input` is hashed; `injection` is the JSON object of spec/wire.md 8 or
  // empty.
  DemoScript(const DemoAgent& agent, double began, std::string_view input, std::string_view injection = {});

  DemoScript& llm(const LlmAnswer& answer);
  DemoScript& tool(std::string_view name, std::string_view args, bool success, int latency_ms = 350,
                   std::string_view error = {});
  DemoScript& retrieval(std::string_view index, int results, double top_score);
  // A tool call during which the infrastructure reports `signal`.
  DemoScript& slow_tool(std::string_view name, std::string_view args, int latency_ms, std::string_view signal,
                        std::string_view source);
  DemoScript& final_answer();
  DemoScript& completed();
  DemoScript& errored(std::string_view error_type);

  [[nodiscard]] const std::string& run_id() const { return run_id_; }
  [[nodiscard]] std::size_t events() const { return events_; }
  // The body for POST /v1/ingest. Ends the script.
  [[nodiscard]] std::string body(std::string_view api_key);

 private:
  void call(std::string_view name, std::string_view args);
  void answer(std::string_view name, bool success, int latency_ms, std::string_view error);
  void begin(std::string_view type);
  void end();
  void finish(std::string_view exit_reason);

  const DemoAgent& agent_;
  std::string run_id_;
  std::string version_;
  json::Writer out_;
  double now_;
  int step_ = 0;
  int tool_calls_ = 0;
  std::size_t events_ = 0;
};

}  // namespace dunetrace::cli
