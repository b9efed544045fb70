// Rows in the text format of COPY. Internal to store/; one thread at a time.
//   CopyText rows;  rows.text("a\tb"), rows.plain("12"), rows.null(), rows.end_row();  rows.rows() is
//   "a\\tb\t12\t\\N\n"
#pragma once

#include <string>
#include <string_view>

namespace dunetrace::store {

class CopyText {
 public:
  void text(std::string_view value) {
    separate();
    for (std::size_t at = 0; at < value.size();) {
      const auto special = first_special(value, at);
      out_.append(value, at, special - at);
      if (special < value.size()) escape(value[special]);
      at = special + 1;
    }
  }
  // A number, or another text without backslash, tab and line break.
  void plain(std::string_view value) {
    separate();
    out_ += value;
  }
  void null() { plain("\\N"); }
  void end_row() {
    in_row_ = false;
    out_ += '\n';
  }

  // Whole rows, each with its line's end.
  [[nodiscard]] const std::string& rows() const { return out_; }
  void reserve(std::size_t bytes) { out_.reserve(bytes); }
  void clear() { out_.clear(); }

 private:
  static std::size_t first_special(std::string_view value, std::size_t at) {
    while (at < value.size() && value[at] != '\\' && static_cast<unsigned char>(value[at]) >= ' ') ++at;
    return at;
  }

  void escape(char c) {
    switch (c) {
      case '\\':
        out_ += "\\\\";
        break;
      case '\t':
        out_ += "\\t";
        break;
      case '\n':
        out_ += "\\n";
        break;
      case '\r':
        out_ += "\\r";
        break;
      default:
        out_ += c;
    }
  }

  void separate() {
    if (in_row_) out_ += '\t';
    in_row_ = true;
  }

  std::string out_;
  bool in_row_ = false;
};

}  // namespace dunetrace::store
