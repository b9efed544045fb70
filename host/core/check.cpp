#include <cstdio>
#include <cstdlib>

#include "core/result.hpp"

namespace dunetrace {

void check_failed(const char* condition, const char* why, const char* file, int line) noexcept {
  std::fprintf(stderr, "dunetrace: invariant broken at %s:%d: %s (%s)\n", file, line, why, condition);
  std::abort();
}

}  // namespace dunetrace
