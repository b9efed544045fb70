#include "cases/yaml_json.hpp"

#include <string>

namespace dunetrace::cases {
namespace {

void write_scalar(json::Writer& writer, const YAML::Node& node) {
  const bool quoted = node.Tag() == "!";
  bool truth = false;
  std::int64_t whole = 0;
  double real = 0;
  const auto& text = node.Scalar();
  const bool word = text.empty() || text.find_first_not_of("+-.0123456789eE") != std::string::npos;
  if (quoted) {
    writer.string(text);
  } else if (text == "true" || text == "false") {
    writer.boolean(YAML::convert<bool>::decode(node, truth) && truth);
  } else if (!word && YAML::convert<std::int64_t>::decode(node, whole)) {
    writer.integer(whole);
  } else if (!word && YAML::convert<double>::decode(node, real)) {
    writer.real(real);
  } else {
    writer.string(text);
  }
}

}  // namespace

void write_json(json::Writer& writer, const YAML::Node& node) {
  if (!node.IsDefined() || node.IsNull()) {
    writer.null();
  } else if (node.IsMap()) {
    writer.begin_object();
    for (const auto& member : node) {
      writer.key(member.first.Scalar());
      write_json(writer, member.second);
    }
    writer.end_object();
  } else if (node.IsSequence()) {
    writer.begin_array();
    for (const auto& element : node) write_json(writer, element);
    writer.end_array();
  } else {
    write_scalar(writer, node);
  }
}

}  // namespace dunetrace::cases
