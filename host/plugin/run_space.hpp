// Runs laid out in memory that a runner sees at the same address, so that it can use them as they are. One thread.
#pragma once

#include <dunetrace/plugin.h>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "core/run.hpp"

namespace dunetrace::plugin {

class RunSpace {
 public:
  // `padding`: bytes after every element, a multiple of 8; a later minor version's records look like that.
  // Every run begins at a multiple of `run_alignment` bytes from the beginning of the memory.
  explicit RunSpace(std::span<std::byte> memory, std::size_t padding = 0,
                    std::size_t run_alignment = alignof(std::max_align_t))
      : memory_(memory), padding_(padding), run_alignment_(run_alignment) {}

  // What was added before is no longer of use.
  void clear();
  // The same, and what follows is laid out in this memory.
  void move_to(std::span<std::byte> memory);
  // The run with copies of all its texts; nullptr when there is no room for it.
  [[nodiscard]] const dune_run* add(const Run& run, std::string_view category);
  // Room for something else; nullptr when there is none.
  [[nodiscard]] void* allocate(std::size_t bytes);
  [[nodiscard]] std::size_t used() const { return used_; }
  // Where the next run would begin: nothing of those there are lies at or behind it.
  [[nodiscard]] const std::byte* end() const { return memory_.data() + aligned(used_, run_alignment_); }

 private:
  dune_str keep(std::string_view text);
  template <class T>
  dune_array table(const std::vector<T>& elements);

  // Kinds of events, tools and models repeat: the latest copy of a text is found by where it came from.
  struct Kept {
    const char* from = nullptr;
    dune_str copy{};
  };
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment);
  [[nodiscard]] static std::size_t aligned(std::size_t offset, std::size_t alignment) {
    return (offset + alignment - 1) & ~(alignment - 1);
  }
  std::span<std::byte> memory_;
  std::size_t padding_;
  std::size_t run_alignment_;
  std::size_t used_ = 0;
  bool full_ = false;
  std::array<Kept, 256> kept_{};
};

}  // namespace dunetrace::plugin
