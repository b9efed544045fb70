#include "backtest/line_file.hpp"

#include <zlib.h>

#include <cerrno>
#include <cstring>

namespace dunetrace::backtest {
namespace {

constexpr unsigned kReadBytes = 256 * 1024;

}  // namespace

struct LineFile::Stream {
  std::string path;
  gzFile file = nullptr;

  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    if (file != nullptr) ::gzclose_r(file);
  }
};

LineFile::LineFile(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}
LineFile::LineFile(LineFile&&) noexcept = default;
LineFile& LineFile::operator=(LineFile&&) noexcept = default;
LineFile::~LineFile() = default;

Result<LineFile> LineFile::open(const std::filesystem::path& path) {
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  if (status.type() == std::filesystem::file_type::not_found) {
    return fail(Code::not_found, path.string() + ": no such file; expected recorded runs as NDJSON");
  }
  if (std::filesystem::is_directory(status)) {
    return fail(Code::invalid_argument, path.string() + ": is a directory; expected a file of recorded runs");
  }
  auto stream = std::make_unique<Stream>();
  stream->path = path.string();
  stream->file = ::gzopen(path.c_str(), "rb");
  if (stream->file == nullptr) {
    return fail(Code::invalid_argument, path.string() + ": cannot be read: " + std::strerror(errno));
  }
  ::gzbuffer(stream->file, kReadBytes);
  return LineFile(std::move(stream));
}

Result<bool> LineFile::fill() {
  if (ended_) return false;
  buffer_.erase(0, at_);
  at_ = 0;
  const auto old = buffer_.size();
  buffer_.resize(old + kReadBytes);
  const int got = ::gzread(stream_->file, buffer_.data() + old, kReadBytes);
  buffer_.resize(old + static_cast<std::size_t>(std::max(got, 0)));
  int error = Z_OK;
  const char* const text = ::gzerror(stream_->file, &error);
  // Z_BUF_ERROR: the file ends in the middle of its packed data.
  if (got < 0 || error != Z_OK) {
    const std::string why = error == Z_ERRNO ? std::strerror(errno) : error == Z_BUF_ERROR ? "it ends too early" : text;
    return fail(Code::invalid_argument,
                stream_->path + ": cannot be unpacked after line " + std::to_string(number_) + ": " + why);
  }
  ended_ = got == 0;
  return got > 0;
}

Result<LineFile::Next> LineFile::next(std::string_view& line) {
  std::size_t searched = at_;
  bool too_long = false;
  while (true) {
    const auto end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      line = std::string_view(buffer_).substr(at_, end - at_);
      at_ = end + 1;
      break;
    }
    if (buffer_.size() - at_ > kLongestLine) {
      too_long = true;
      at_ = buffer_.size();
    }
    const auto pending = buffer_.size() - at_;
    DUNE_TRY(more, fill());
    if (!more) {
      if (pending == 0 && !too_long) return Next::end;
      line = std::string_view(buffer_).substr(at_);
      at_ = buffer_.size();
      break;
    }
    searched = at_ + pending;
  }
  ++number_;
  if (number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return too_long ? Next::too_long : Next::line;
}

}  // namespace dunetrace::backtest
