// The page a child writes its result on and the parent reads it from. It is shared memory and no pipe, so it survives a
// plugin that crashes, exits, closes every descriptor or forks.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "conformance/finding.hpp"
#include "core/fd.hpp"
#include "core/result.hpp"

namespace dunetrace::conformance {

// What the library has; bits, because a library may carry several components.
enum Kinds : std::uint32_t { kDetector = 1, kAlert = 2, kIntegration = 4, kAny = 0 };

// Lies in shared memory: fixed sizes, no pointers.
struct Page {
  std::atomic<std::uint32_t> done;
  std::uint32_t verdict;
  std::uint32_t loaded;  // the library could be loaded and described
  std::uint32_t kinds;
  char doing[512];
  char found[4096];
  char mend[1024];
};

class Board {
 public:
  // A new page behind a descriptor that is closed on exec (the parent hands it over on purpose).
  [[nodiscard]] static Result<Board> create();
  // The page behind a descriptor that was handed over.
  [[nodiscard]] static Result<Board> attach(int descriptor);
  Board(Board&& other) noexcept;
  Board& operator=(Board&&) = delete;
  ~Board();

  [[nodiscard]] int descriptor() const { return descriptor_.get(); }
  [[nodiscard]] Page& page() { return *page_; }

  // What the child is about to do, for the case that it does not come back.
  void doing(std::string_view what);
  // The result; the first one stays. Safe in a signal handler.
  void finish(Verdict verdict, std::string_view found, std::string_view mend = {});

  // The parent's reading; the child may have scribbled anything.
  [[nodiscard]] bool finished() const;
  [[nodiscard]] std::string doing() const;
  [[nodiscard]] Finding finding() const;

 private:
  Board(Fd descriptor, Page* page) : descriptor_(std::move(descriptor)), page_(page) {}
  Fd descriptor_;
  Page* page_;
};

}  // namespace dunetrace::conformance
