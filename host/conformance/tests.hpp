// The table of tests, and where each group of them is. A test runs in a child; it may crash, hang or exit.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "conformance/board.hpp"
#include "conformance/finding.hpp"

namespace dunetrace::conformance {

class Session;

struct Test {
  std::string_view name;
  std::string_view expected;
  std::string_view mend;
  std::uint32_t kinds = kAny;  // components it is for; 0 = any library, loaded or not
  bool needs_tables = false;   // only when the library could be loaded and described
  bool measures_time = false;  // repeated before it counts as failed: the machine may be busy
  Finding (*run)(Session&) = nullptr;
};

[[nodiscard]] std::span<const Test> all_tests();
[[nodiscard]] const Test* find_test(std::string_view name);

// binary_tests.cpp: without running any of the library's code
Finding test_exports(Session&);
Finding test_hardening(Session&);
Finding test_libraries(Session&);
Finding test_imports(Session&);
// table_tests.cpp
Finding test_scan(Session&);
Finding test_entry(Session&);
Finding test_tables(Session&);
// life_tests.cpp
Finding test_lifecycle(Session&);
Finding test_growth(Session&);
Finding test_parallel(Session&);
// repeat_tests.cpp
Finding test_repeat(Session&);
Finding test_strides(Session&);
Finding test_old_host(Session&);
Finding test_new_host(Session&);
// hostile_tests.cpp
Finding test_hostile_runs(Session&);
Finding test_hostile_parameters(Session&);
Finding test_memory(Session&);
Finding test_syscalls(Session&);
// time_tests.cpp
Finding test_cancellation(Session&);
Finding test_budget(Session&);
// evidence_tests.cpp
Finding test_evidence(Session&);
Finding test_templates(Session&);
Finding test_explain(Session&);
// alert_tests.cpp
Finding test_deliver(Session&);
Finding test_deliver_hostile(Session&);
Finding test_answers(Session&);
// integration_tests.cpp
Finding test_invoke(Session&);
Finding test_dry_run(Session&);

}  // namespace dunetrace::conformance
