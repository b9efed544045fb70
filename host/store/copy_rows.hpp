// Rows of COPY (copy_text.hpp) into a stream, many per call of libpqxx, which would otherwise copy every field four
// times and take memory for each. Internal to store/.
//   CopyRows rows(stream);
//   rows.text("a\tb"), rows.plain("12"), rows.null(), rows.end_row();  …  rows.flush();
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <string_view>

#include "store/copy_text.hpp"

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
  explicit CopyRows(pqxx::stream_to& stream) : stream_(stream) { rows_.reserve(kChunk + kChunk / 4); }

  void text(std::string_view value) { rows_.text(value); }
  void plain(std::string_view value) { rows_.plain(value); }
  void null() { rows_.null(); }

  void end_row() {
    rows_.end_row();
    if (rows_.rows().size() > kChunk) flush();
  }

  void flush() {
    std::string_view rows = rows_.rows();
    if (rows.empty()) return;
    rows.remove_suffix(1);
    stream_ << std::array{CopyChunk{rows}};
    rows_.clear();
  }

 private:
  static constexpr std::size_t kChunk = 32 * 1024;  // bytes; some hundred rows, and nothing to the memory

  pqxx::stream_to& stream_;
  CopyText rows_;
};

}  // namespace dunetrace::store
