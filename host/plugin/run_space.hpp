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
  explicit RunSpace(std::span<std::byte> memory) : memory_(memory) {}

  // What was added before is no longer of use.
  void clear();
  // The run with copies of all its texts; nullptr when there is no room for it.
  [[nodiscard]] const dune_run* add(const Run& run, std::string_view category);
  // Room for something else; nullptr when there is none.
  [[nodiscard]] void* allocate(std::size_t bytes);
  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  dune_str keep(std::string_view text);
  template <class T>
  dune_array table(const std::vector<T>& elements);

  // Kinds of events, tools and models repeat: the latest copy of a text is found by where it came from.
  struct Kept {
    const char* from = nullptr;
    dune_str copy{};
  };
  std::span<std::byte> memory_;
  std::size_t used_ = 0;
  bool full_ = false;
  std::array<Kept, 256> kept_{};
};

}  // namespace dunetrace::plugin
