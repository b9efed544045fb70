// Reads JSON of strangers: one strict pass over the whole text (UTF-8, syntax, depth), then typed getters that never
// guess: a value of another type is simply "not there". simdjson stays behind this header.
//   thread_local json::Parser parser;
//   auto root = parser.parse(body);  if (!root) …
//   auto name = (*root)["agent_id"].string();
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace dunetrace::json {

constexpr std::size_t kMaxDepth = 64;

// A view into the document of a Parser; valid until that parser parses again or ends.
class Value {
 public:
  enum class Kind : std::uint8_t { missing, null, boolean, integer, real, string, array, object };

  Value() = default;
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool missing() const { return kind_ == Kind::missing; }
  [[nodiscard]] bool is_null() const { return kind_ == Kind::null; }
  [[nodiscard]] bool is_object() const { return kind_ == Kind::object; }
  [[nodiscard]] bool is_array() const { return kind_ == Kind::array; }

  [[nodiscard]] std::optional<bool> boolean() const;
  // Only integers as written (3, not 3.0) within 64 bits.
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  // Integers and reals.
  [[nodiscard]] std::optional<double> number() const;
  // Integers, and reals cut towards zero when they fit into 64 bits.
  [[nodiscard]] std::optional<std::int64_t> whole() const;
  [[nodiscard]] std::optional<std::string_view> string() const;

  // The member of an object; `missing` when this is no object or has no such member. Of repeated names the last one.
  [[nodiscard]] Value operator[](std::string_view name) const;
  // Members of an object or elements of an array; 0 for anything else.
  [[nodiscard]] std::size_t size() const;
  void each_element(const std::function<void(Value)>& visit) const;
  void each_member(const std::function<void(std::string_view, Value)>& visit) const;

 private:
  friend class Parser;
  friend struct Access;
  alignas(8) unsigned char element_[16] = {};  // a simdjson::dom::element
  Kind kind_ = Kind::missing;
};

// Not thread-safe; keep one per thread, it reuses its memory. A number outside of 64 bits and of a double, and an
// unpaired surrogate escape, are legal JSON that cannot be represented: the first reads as null, the second as U+FFFD.
class Parser {
 public:
  explicit Parser(std::size_t max_depth = kMaxDepth);
  ~Parser();
  Parser(Parser&&) noexcept;
  Parser& operator=(Parser&&) noexcept;

  // The error text says what is wrong and, where known, at which byte; never quotes the input.
  [[nodiscard]] Result<Value> parse(std::string_view text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The client's own bytes of member `member` of every object in the array `array` of the object `text`, which has been
// accepted by a Parser: {"events":[{"payload":{"a":1.50}}]} gives `{"a":1.50}`. Empty where the member is missing.
[[nodiscard]] std::vector<std::string_view> raw_members(std::string_view text, std::string_view array,
                                                        std::string_view member);

// The value a JSON pointer (RFC 6901) leads to; `missing` when it leads nowhere. A pointer that does not begin with '/'
// and is not empty is Code::invalid_argument.
[[nodiscard]] Result<Value> at_pointer(const Value& root, std::string_view pointer);

// The text of that value as it stands in `text`, which has been accepted by a Parser; empty when it leads nowhere.
[[nodiscard]] std::string_view raw_at(std::string_view text, std::string_view pointer);

// JSON text that PostgreSQL's jsonb takes: escapes of U+0000 are removed, unpaired surrogate escapes become \ufffd,
// numbers far beyond a double (1e401, 8,000 digits) become null, which is what a Parser reads for them anyway.
// `json` is valid JSON. Returns nothing when there is nothing to change.
[[nodiscard]] std::optional<std::string> storable(std::string_view json);

class Writer;

// One value as JSON text again (numbers in our format).
[[nodiscard]] std::string to_text(const Value& value);
void write(Writer& out, const Value& value);

}  // namespace dunetrace::json
