// The body of a 422 answer in the shape clients expect: {"detail": [{"type", "loc", "msg"}, …]}. Values of the client
// are not repeated in it, they may be prompts or keys. One object per request.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "json/writer.hpp"

namespace dunetrace::ingest {

class ValidationErrors {
 public:
  static constexpr std::size_t kMost = 20;  // a client that gets one thing wrong gets it wrong in every event

  // loc is ["body"], ["body", field], ["body", "events", index] or ["body", "events", index, field].
  void body(std::string_view type, std::string_view field, std::string_view message);
  // loc is ["query", name] or ["header", name].
  void query(std::string_view type, std::string_view name, std::string_view message);
  void header(std::string_view type, std::string_view name, std::string_view message);
  void event(std::size_t index, std::string_view type, std::string_view field, std::string_view message);
  // loc is ["body", 0]: where in the text it went wrong is not known.
  void not_json(std::string_view cause);

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] bool full() const { return count_ >= kMost; }
  [[nodiscard]] std::string take();

 private:
  bool begin(std::string_view type, std::string_view where = "body");
  void end(std::string_view message);

  json::Writer out_;
  std::size_t count_ = 0;
};

}  // namespace dunetrace::ingest
