// Rows in the text format of COPY, many per call of libpqxx, which would otherwise copy every field four times and take
// memory for each. Internal to store/.
//   CopyRows rows(stream);
//   rows.text("a\tb"), rows.plain("12"), rows.null(), rows.end_row();  …  rows.flush();
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <string_view>

namespace dunetrace::store {

// Whole rows, escaped already, without the last line's end, which the stream adds.
struct CopyChunk {
  std::string_view rows;
};

}  // namespace dunetrace::store

namespace pqxx::internal {
// The only way to hand a stream_to what is escaped already: its write_raw_line() is private.
template <>
inline std::string TypedCopyEscaper::operator()(const dunetrace::store::CopyChunk* chunk) const {
  return std::string(chunk->rows);
}
}  // namespace pqxx::internal

namespace dunetrace::store {

class CopyRows {
 public:
  explicit CopyRows(pqxx::stream_to& stream) : stream_(stream) { out_.reserve(kChunk + kChunk / 4); }

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
    if (out_.size() >= kChunk)
      flush();
    else
      out_ += '\n';
  }

  void flush() {
    if (out_.empty()) return;
    if (out_.back() == '\n') out_.pop_back();
    stream_ << std::array{CopyChunk{out_}};
    out_.clear();
  }

 private:
  static constexpr std::size_t kChunk = 32 * 1024;  // bytes; some hundred rows, and nothing to the memory

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

  pqxx::stream_to& stream_;
  std::string out_;
  bool in_row_ = false;
};

}  // namespace dunetrace::store
