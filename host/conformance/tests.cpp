#include "conformance/tests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "conformance/check.hpp"

namespace dunetrace::conformance {
namespace {

constexpr std::array kTests = {
    Test{"exports", "exactly one exported symbol, dune_plugin_entry_v1",
         "build with dune_add_plugin(), or link with -fvisibility=hidden and the SDK's version script", kAny, false,
         false, test_exports},
    Test{"hardening", "RELRO, bound at load time, no text relocations, no executable stack",
         "build with dune_add_plugin(), or with -fPIC -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack", kAny, false, false,
         test_hardening},
    Test{"libraries", "only the language's own libraries are needed, and no search path",
         "link what else you need statically, with -Wl,--exclude-libs,ALL", kAny, false, false, test_libraries},
    Test{"imports", "no process, thread, signal, socket, file, environment or clock of its own",
         "ask the host instead, or take it from the run and the parameters", kAny, false, false, test_imports},
    Test{"scan", "loading, entry and tables take less than 100 ms and do not fail",
         "do nothing in constructors of static objects: the entry function returns static data", kAny, false, true,
         test_scan},
    Test{"entry", "the entry function can be called twice and gives the same pointer",
         "return the address of a static descriptor that is never changed", kAny, false, false, test_entry},
    Test{"tables", "versions, ids, titles, docs, ranges and templates are complete and sensible",
         "complete the tables; docs/plugin-check.md says what each field wants", kAny, false, false, test_tables},
    Test{"lifecycle", "a thousand instances made and destroyed leave no memory behind",
         "free in destroy() everything that create() made", kAny, true, false, test_lifecycle},
    Test{"growth", "a thousand calls of detect() leave no memory behind", "free what detect() makes, or use it again",
         kDetector, true, false, test_growth},
    Test{"repeat", "the same run gives the same signals: again, on another instance, after others, on another thread",
         "keep nothing between calls and use no hidden input; sort what comes out of a hash table", kDetector, true,
         false, test_repeat},
    Test{"parallel", "instances on several threads at once give what one alone gives",
         "keep state in the instance, not in static variables", kDetector, true, false, test_parallel},
    Test{"hostile_runs", "empty, huge and strange runs are judged without failure",
         "check counts before indexing, has bits before values, and for overflow", kDetector, true, false,
         test_hostile_runs},
    Test{"hostile_parameters", "the minimum and the maximum of every parameter work",
         "narrow the range in the parameter table to what the code can do", kDetector, true, false,
         test_hostile_parameters},
    Test{"memory", "no write to the host's memory, no read past an end, no pointer kept after a call",
         "copy what you keep; step arrays by stride up to count", kDetector, true, false, test_memory},
    Test{"strides", "the same signals when elements are padded", "step arrays by their stride: DUNE_AT, not [i]",
         kDetector, true, false, test_strides},
    Test{"old_host", "the same signals on a host of version 1.0; no crash without extensions",
         "look at struct_size with DUNE_HAS before reading later fields, and at NULL extensions", kDetector, true,
         false, test_old_host},
    Test{"new_host", "the same signals on a host of a later minor version",
         "struct_size may be larger than sizeof, and has may have bits you do not know", kDetector, true, false,
         test_new_host},
    Test{"syscalls", "detect() makes no system call", "take everything from the run and the parameters", kDetector,
         true, false, test_syscalls},
    Test{"cancellation", "a cancelled detect() on the longest run comes back within 50 ms",
         "poll cancelled() in long loops, every few hundred elements", kDetector, true, true, test_cancellation},
    Test{"budget", "detect() takes less than 5 ms on a run of 200 events",
         "go through the run once; no loop over all pairs", kDetector, true, true, test_budget},
    Test{"evidence", "signals and evidence are within the rules: UTF-8, finite, known type, severity, step, size",
         "cut texts between characters, check divisions, use the types of the table", kDetector, true, false,
         test_evidence},
    Test{"templates", "every placeholder of every template is in some emitted evidence",
         "write it to the evidence, or take it out of the template", kDetector, true, false, test_templates},
    Test{"explain", "explain() takes any evidence and says the same each time",
         "explain() is a pure function of the signal; members of the evidence may be missing", kDetector, true, false,
         test_explain},
    Test{"deliver", "a batch is sent with its idempotency key, whatever the host's version",
         "see dunetrace/alert.hpp: HttpAlert does it", kAlert, true, false, test_deliver},
    Test{"deliver_hostile", "empty, huge and strange batches and answers end in an outcome or a failure with a text",
         "escape texts, take any answer", kAlert, true, false, test_deliver_hostile},
    Test{"answers", "200 is delivered; 429, 5xx and no answer are tried again; nothing refused counts as delivered",
         "use the default meaning of dunetrace::delivery_of()", kAlert, true, false, test_answers},
    Test{"invoke", "every action takes any input and any answer; unknown actions are refused",
         "write one complete JSON value, or return a negative status with a text", kIntegration, true, false,
         test_invoke},
    Test{"dry_run", "a dry run of a mutating action reads only and describes the change",
         "look at dry_run before every request that changes something", kIntegration, true, false, test_dry_run},
};

}  // namespace

std::span<const Test> all_tests() { return kTests; }

const Test* find_test(std::string_view name) {
  const auto found = std::ranges::find(kTests, name, &Test::name);
  return found == kTests.end() ? nullptr : found;
}

std::string list_tests() {
  std::string out;
  for (const auto& test : kTests) out += fmt::format("{:<20} {}\n", test.name, test.expected);
  return out;
}

}  // namespace dunetrace::conformance
