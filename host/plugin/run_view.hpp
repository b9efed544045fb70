// A core Run laid out as the arrays of plugin-abi.md 11. Borrows every text from the Run, which must outlive it.
#pragma once

#include <dunetrace/plugin.h>

#include <vector>

#include "core/run.hpp"

namespace dunetrace::plugin {

class RunView {
 public:
  // `category`: the section of detectors.yml that applies. `padding` bytes of 0xEE follow every element when it is not
  // 0: code that steps by its own sizeof then fails in its first test.
  RunView(const Run& run, std::string_view category, std::size_t padding = 0);
  RunView(const RunView&) = delete;
  RunView& operator=(const RunView&) = delete;

  [[nodiscard]] const dune_run& raw() const { return run_; }

 private:
  template <class T>
  dune_array table(const std::vector<T>& elements);

  dune_run run_{};
  std::size_t padding_;
  std::vector<std::vector<unsigned char>> tables_;
};

}  // namespace dunetrace::plugin
