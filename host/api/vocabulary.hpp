// What the API says about signals, which a reload may change between two requests: their texts and their types. A
// request takes one and keeps it until its answer is made.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "explain/explainer.hpp"

namespace dunetrace::api {

struct Vocabulary {
  explain::Explainer explainer;
  std::vector<std::string> failure_types;  // that the loaded detectors can emit; what ?failure_type= may say
};

// The one in force; thread-safe, never empty.
using VocabularySource = std::function<std::shared_ptr<const Vocabulary>()>;

}  // namespace dunetrace::api
