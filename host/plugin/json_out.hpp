// The JSON writer that a plugin gets (dune_json): bounded, repairing, with errors that stick until the text is taken.
// Lives for one call, on one thread.
#pragma once

#include <dunetrace/plugin.h>

#include <string>

#include "json/writer.hpp"

namespace dunetrace::plugin {

class JsonOut {
 public:
  explicit JsonOut(std::size_t max_bytes);
  JsonOut(const JsonOut&) = delete;
  JsonOut& operator=(const JsonOut&) = delete;

  [[nodiscard]] dune_json* raw() { return &json_; }
  [[nodiscard]] json::Writer& writer() { return writer_; }
  // More was written than is allowed; what is there is of no use.
  [[nodiscard]] bool oversize() const { return oversize_; }
  void clear() {
    writer_.clear();
    oversize_ = false;
  }

 private:
  friend struct JsonCalls;
  std::size_t max_bytes_;
  json::Writer writer_;
  bool oversize_ = false;
  dune_json json_{};
};

}  // namespace dunetrace::plugin
