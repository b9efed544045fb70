// PostgreSQL array literals for unnest(): {"a","b\"c",NULL}. Internal to store/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dunetrace::store {

class SqlArray {
 public:
  void add(std::string_view text) {
    separate();
    out_.push_back('"');
    for (const char c : text) {
      if (c == '\0') continue;  // no text of PostgreSQL's can hold it, and it would end the whole literal
      if (c == '"' || c == '\\') out_.push_back('\\');
      out_.push_back(c);
    }
    out_.push_back('"');
  }
  void add_null() {
    separate();
    out_ += "NULL";
  }
  // A number or boolean in PostgreSQL's notation.
  void add_plain(std::string_view token) {
    separate();
    out_ += token;
  }
  [[nodiscard]] std::string text() const { return out_ + "}"; }

 private:
  void separate() {
    if (out_.size() > 1) out_.push_back(',');
  }
  std::string out_ = "{";
};

}  // namespace dunetrace::store
