// The child's side of the check: limits, one test, the result on the page, the end without any destructor of the
// plugin's.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <exception>

#include "conformance/board.hpp"
#include "conformance/check.hpp"
#include "conformance/child.hpp"
#include "conformance/session.hpp"
#include "conformance/tests.hpp"

namespace dunetrace::conformance {
namespace {

constexpr rlim_t kAddressSpace = rlim_t{3} << 29;  // 1.5 GB: guarded memory reserves addresses that it does not use
constexpr rlim_t kFileBytes = 4 << 20;             // what a test may write anywhere, its output included
constexpr rlim_t kCpuSeconds = 20;

void limit(__rlimit_resource what, rlim_t value) {
  const rlimit both{value, value};
  ::setrlimit(what, &both);
}

void set_limits() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, kFileBytes);
  limit(RLIMIT_CPU, kCpuSeconds);
  limit(RLIMIT_NOFILE, 64);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  limit(RLIMIT_AS, kAddressSpace);
#endif
}

}  // namespace

int check_child(const CheckOptions& options, std::string_view name) {
  auto board = Board::attach(kBoardDescriptor);
  const Test* const test = find_test(name);
  if (!board || test == nullptr) return 2;  // somebody called --child by hand
  set_limits();
  Session session(options, *board);
  Finding finding;
  try {
    finding = test->run(session);
  } catch (const std::exception& thrown) {
    finding = failed(std::string("the check itself: ") + thrown.what());
  }
  board->finish(finding.verdict, finding.found, finding.mend);
  ::_exit(0);
}

}  // namespace dunetrace::conformance
