// Texts on their way into PostgreSQL, as rows of COPY and as array literals: what a second reader, written after the
// database's documentation, makes of them is what went in.
#include <optional>
#include <vector>

#include "fuzz.hpp"
#include "store/copy_text.hpp"
#include "store/sql_array.hpp"

namespace dunetrace::fuzz {
namespace {

using Field = std::optional<std::string>;
using Table = std::vector<std::vector<Field>>;

// COPY's text format: lines of fields between tabs, \N for null, a backslash before what would be misread.
std::optional<Table> read_copy(std::string_view text) {
  Table table;
  std::vector<Field> row;
  std::string field;
  bool null = false, begun = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    begun = true;
    const char c = text[i];
    if (c == '\t' || c == '\n') {
      row.push_back(null ? Field() : Field(field));
      field.clear();
      null = false;
      if (c == '\n') {
        table.push_back(std::exchange(row, {}));
        begun = false;
      }
    } else if (c != '\\') {
      if (c == '\r' || null) return std::nullopt;
      field += c;
    } else {
      if (++i == text.size()) return std::nullopt;
      constexpr std::string_view kNames = "bfnrtv";
      constexpr std::string_view kMeant = "\b\f\n\r\t\v";
      const auto named = kNames.find(text[i]);
      if (text[i] == 'N') {
        null = true;
      } else if (named != std::string_view::npos) {
        field += kMeant[named];
      } else if (text[i] == '.' || text[i] == 'x' || (text[i] >= '0' && text[i] <= '7')) {
        return std::nullopt;  // the end of the data, or a byte by number: we write neither
      } else {
        field += text[i];
      }
    }
  }
  if (begun) return std::nullopt;  // the last row has no end
  return table;
}

// {"a","b\"c",NULL}
std::optional<std::vector<Field>> read_array(std::string_view text) {
  if (!text.starts_with('{') || !text.ends_with('}')) return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::vector<Field> out;
  while (!text.empty()) {
    if (!out.empty()) {
      if (text[0] != ',') return std::nullopt;
      text.remove_prefix(1);
    }
    if (text.starts_with("NULL")) {
      out.emplace_back();
      text.remove_prefix(4);
      continue;
    }
    if (!text.starts_with('"')) return std::nullopt;
    std::string one;
    std::size_t i = 1;
    for (; i < text.size() && text[i] != '"'; ++i) {
      if (text[i] == '\\') ++i;
      if (i < text.size()) one += text[i];
    }
    if (i >= text.size()) return std::nullopt;
    out.emplace_back(std::move(one));
    text.remove_prefix(i + 1);
  }
  return out;
}

}  // namespace

void run(std::string_view input) {
  Choices choices(input);
  const auto columns = 1 + choices.below(4);
  Table table;
  std::vector<Field> items;
  store::CopyText copy;
  store::SqlArray array;
  while (!choices.empty()) {
    auto& row = table.emplace_back();
    for (unsigned i = 0; i < columns; ++i) {
      if (choices.below(8) == 7) {
        row.emplace_back();
        copy.null();
        array.add_null();
      } else {
        std::string text(choices.text());
        copy.text(text);
        row.emplace_back(text);
        array.add(text);
        std::erase(text, '\0');
        items.emplace_back(std::move(text));
        continue;
      }
      items.emplace_back();
    }
    copy.end_row();
  }
  const auto read = read_copy(copy.rows());
  DUNE_HOLDS(read && *read == table, copy.rows());
  const auto literal = array.text();
  DUNE_HOLDS(literal.find('\0') == std::string::npos, literal);
  const auto list = read_array(literal);
  DUNE_HOLDS(list && *list == items, literal);
}

}  // namespace dunetrace::fuzz
