// What a runner can read of the runs that its host laid out. Of the runner's one thread, in the runner only.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#include "plugin/isolation/child.hpp"

namespace dunetrace::plugin {

// What can be read of the runs that the host laid out: those that are asked about, from the present one on. Whoever
// kept a pointer to another ends the process, and it is certain who did it.
class Window {
 public:
  void open(std::uintptr_t begin, std::uintptr_t end) {
    protect(begin, end, PROT_READ);
    begin_ = begin;
    end_ = end;
  }
  // `run` begins a page. Those before it have been looked at by everybody.
  void move_to(std::uintptr_t run) {
    if (run == begin_) return;
    if (run > begin_)
      protect(begin_, run, PROT_NONE);
    else
      protect(run, begin_, PROT_READ);  // the host asks in the order of the runs; nobody is to blame if it did not
    begin_ = run;
  }
  void close() { move_to(end_); }

 private:
  static void protect(std::uintptr_t begin, std::uintptr_t end, int access) {
    if (begin < end && ::mprotect(reinterpret_cast<void*>(begin), end - begin, access) != 0) ::_exit(kNoHost);
  }
  std::uintptr_t begin_ = 0, end_ = 0;
};

}  // namespace dunetrace::plugin
