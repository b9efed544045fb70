// Keeps copies of texts at stable addresses for as long as it lives. One thread at a time.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace dunetrace::ingest {

class TextArena {
 public:
  // The copy; its data() is never nullptr.
  std::string_view keep(std::string_view text) {
    if (text.empty()) return "";
    if (left_ < text.size()) grow(text.size());
    std::memcpy(next_, text.data(), text.size());
    const std::string_view kept(next_, text.size());
    next_ += text.size();
    left_ -= text.size();
    return kept;
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kChunk = 4096;

  void grow(std::size_t least) {
    left_ = std::max(least, kChunk);
    chunks_.push_back(std::make_unique<char[]>(left_));
    next_ = chunks_.back().get();
    bytes_ += left_;
  }

  std::vector<std::unique_ptr<char[]>> chunks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace dunetrace::ingest
