// YAML values as JSON text: a plain scalar is a number, boolean or null when it looks like one, a quoted one is text.
#pragma once

#include <yaml-cpp/yaml.h>

#include "json/writer.hpp"

namespace dunetrace::cases {

void write_json(json::Writer& writer, const YAML::Node& node);

}  // namespace dunetrace::cases
