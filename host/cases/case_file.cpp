#include "cases/case_file.hpp"

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "backtest/file_source.hpp"
#include "cases/check.hpp"
#include "cases/script.hpp"
#include "cases/yaml_json.hpp"

namespace dunetrace::cases {
namespace {

template <class T>
std::optional<T> maybe(const YAML::Node& node) {
  return node && !node.IsNull() ? std::optional(node.as<T>()) : std::nullopt;
}

Baselines baselines_of(const YAML::Node& node) {
  if (!node) return {};
  return {maybe<double>(node["steps"]), maybe<double>(node["tool_latency_ms"]), maybe<double>(node["llm_latency_ms"]),
          maybe<double>(node["token_growth"]), maybe<double>(node["llm_tool_ratio"])};
}

Expectation expectation_of(const YAML::Node& node, const std::string& detector) {
  Expectation expected;
  expected.type = detector;
  for (char& c : expected.type) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  if (node["type"]) expected.type = node["type"].as<std::string>();
  expected.severity = maybe<std::string>(node["severity"]);
  expected.confidence = maybe<double>(node["confidence"]);
  expected.step = maybe<std::int32_t>(node["step"]);
  expected.co_signals = maybe<std::int32_t>(node["co_signals"]);
  json::Writer evidence;
  write_json(evidence, node["evidence"] ? node["evidence"] : YAML::Node(YAML::NodeType::Map));
  expected.evidence = evidence.take();
  for (const auto& name : node["without"]) expected.without.push_back(name.as<std::string>());
  for (const auto& field : node["text"]) {
    expected.text[field.first.as<std::string>()] = field.second.IsSequence()
                                                       ? field.second.as<std::vector<std::string>>()
                                                       : std::vector{field.second.as<std::string>()};
  }
  return expected;
}

// The text of a detectors.yml that says what the case says.
std::string config_of(const YAML::Node& params, const std::string& detector) {
  if (!params) return "default: {}\n";
  YAML::Emitter out;
  out << YAML::BeginMap << YAML::Key << "default" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << detector << YAML::Value << params << YAML::EndMap << YAML::EndMap;
  return out.c_str();
}

// `run: {file: fixtures/run.json}`: a recorded run in wire form, beside the file of cases.
std::vector<EventSpec> recorded(const YAML::Node& node, const std::filesystem::path& directory) {
  const auto path = directory / node["file"].as<std::string>();
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) {  // a device has no end
    throw YAML::Exception(node.Mark(), path.string() + ": no such file; expected a recorded run");
  }
  std::ifstream in(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in) throw YAML::Exception(node.Mark(), path.string() + ": cannot be read");
  const auto run = backtest::read_run(text, {});
  if (!run) throw YAML::Exception(node.Mark(), path.string() + ": " + run.error().text);
  std::vector<EventSpec> events;
  for (const auto& event : run->events) {
    events.push_back({std::string(event.type), event.step_index, event.timestamp, std::string(event.payload)});
  }
  return events;
}

Case case_of(const YAML::Node& node, const std::string& detector, const std::filesystem::path& directory) {
  Case made;
  made.name = node["name"].as<std::string>();
  made.line = node.Mark().line + 1;
  made.config = config_of(node["params"], detector);
  made.baselines = baselines_of(node["baselines"]);
  made.refused = maybe<std::string>(node["refused"]);
  const auto numbering = node["numbering"].as<std::string>("sdk");
  made.events = node["run"] && node["run"].IsMap()
                    ? recorded(node["run"], directory)
                    : play(node["run"], numbering == "sdk" ? Numbering::sdk : Numbering::manual);
  for (const auto& expected : node["expect"]) made.expect.push_back(expectation_of(expected, detector));
  return made;
}

}  // namespace

Result<CaseFile> load_cases(const std::string& path) try {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) {
    return fail(Code::not_found, path + ": no such file; expected cases: runs and what must be found in them");
  }
  const auto root = YAML::LoadFile(path);
  DUNE_TRY_VOID(check_cases(root, path));
  const auto directory = std::filesystem::path(path).parent_path();
  CaseFile file;
  file.detector = root["detector"].as<std::string>();
  for (const auto& node : root["cases"]) file.cases.push_back(case_of(node, file.detector, directory));
  return file;
} catch (const YAML::Exception& error) {
  return fail(Code::invalid_argument, path + ":" + std::to_string(error.mark.line + 1) + ":" +
                                          std::to_string(error.mark.column + 1) + ": " + error.msg);
}

}  // namespace dunetrace::cases
