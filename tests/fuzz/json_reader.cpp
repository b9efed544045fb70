// A JSON pointer and, behind `---`, a text. What is accepted can be written and read again; the database's form of it
// is valid and final; the two ways to a member agree.
#include "json/reader.hpp"

#include "fuzz.hpp"
#include "json/writer.hpp"

namespace dunetrace::fuzz {
namespace {

void check_writer(std::string_view text, json::Parser& parser) {
  json::Writer out;
  out.string(text);
  const auto read = parser.parse(out.text());
  DUNE_HOLDS(read && read->string() == json::repair_utf8(text), text);
  DUNE_HOLDS(is_utf8(json::repair_utf8(text)), text);
  DUNE_HOLDS(is_utf8(text) == (json::repair_utf8(text) == text), text);
}

// Written by us, so that every number, name and text is in one form.
void check_rewritten(const std::string& written, json::Parser& parser) {
  const auto again = parser.parse(written);
  DUNE_HOLDS(again && json::to_text(*again) == written, written);
}

}  // namespace

void run(std::string_view input) {
  json::Parser parser, other;
  check_writer(input, parser);
  auto [pointer, text] = two_parts(input);
  if (text.empty()) std::swap(pointer, text);
  const auto root = parser.parse(text);
  if (!root) {
    DUNE_HOLDS(!root.error().text.empty(), text);
    return;
  }
  DUNE_HOLDS(is_utf8(text), text);
  check_rewritten(json::to_text(*root), other);
  if (const auto stored = json::storable(text)) {
    DUNE_HOLDS(other.parse(*stored).has_value() && !json::storable(*stored), text);
  }
  const auto found = json::at_pointer(*root, pointer);
  if (!found) return;
  const auto raw = json::raw_at(text, pointer);
  DUNE_HOLDS(raw.empty() == found->missing(), text);
  if (raw.empty()) return;
  const auto read = other.parse(raw);
  DUNE_HOLDS(read && json::to_text(*read) == json::to_text(*found), text);
}

}  // namespace dunetrace::fuzz
