// The lines of a text file, plain or packed with gzip. Reads ahead by one buffer, so a file of any size (and one that
// unpacks to any size) costs the memory of its longest line. One thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace dunetrace::backtest {

// The largest run that the replay looks at whole has 20,000 events of a few hundred bytes.
constexpr std::size_t kLongestLine = 64 * 1024 * 1024;

class LineFile {
 public:
  enum class Next : std::uint8_t { line, too_long, end };

  [[nodiscard]] static Result<LineFile> open(const std::filesystem::path& path);
  LineFile(LineFile&&) noexcept;
  LineFile& operator=(LineFile&&) noexcept;
  ~LineFile();

  // The next line without its end, valid until the next call; of one beyond kLongestLine only that there is one. The
  // error says that the file is damaged or cannot be read.
  [[nodiscard]] Result<Next> next(std::string_view& line);
  [[nodiscard]] std::size_t number() const { return number_; }  // of the line that was read last; counts from 1

 private:
  struct Stream;
  explicit LineFile(std::unique_ptr<Stream> stream);
  Result<bool> fill();  // false at the end

  std::unique_ptr<Stream> stream_;
  std::string buffer_;
  std::size_t at_ = 0;
  std::size_t number_ = 0;
  bool ended_ = false;
};

}  // namespace dunetrace::backtest
