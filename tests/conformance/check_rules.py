#!/usr/bin/env python3
"""Runs `dunetrace plugin check` on plugins that break one rule each: exactly the tests named here must fail.
Usage: check_rules.py DUNETRACE DIRECTORY_OF_BREAKERS [RULE…]. Called by ctest (label conformance)."""
import json
import pathlib
import subprocess
import sys

NOT_LOADED = {"scan", "entry", "tables"}
ON_ANOTHER_HOST = {"strides", "old_host", "new_host"}  # whose memory is guarded, too
RULES = {
    "nothing": set(),
    "exports": {"exports"},
    "no_entry": {"exports"} | NOT_LOADED,
    "lazy": {"hardening"},
    "stack": {"hardening"},
    "library": {"libraries"},
    "search_path": {"libraries"},
    "fork_import": {"imports"},
    "slow_scan": {"scan"},
    "constructor": NOT_LOADED,
    "entry": {"entry"},
    "version": {"tables"},
    "range": {"tables"},
    "doc": {"tables"},
    "leak_create": {"lifecycle"},
    "leak_detect": {"growth"},
    "counter": {"repeat", "parallel"},  # state of an instance shows in both
    "shared": {"parallel"},
    # An empty run is among those of all these tests.
    "empty_run": {"growth", "repeat", "parallel", "hostile_runs", "hostile_parameters", "memory", "syscalls", "evidence",
                  "templates"} | ON_ANOTHER_HOST,
    "maximum": {"hostile_parameters"},
    "write": {"memory"},
    "kept_pointer": {"memory"} | ON_ANOTHER_HOST,
    "past_end": {"memory"} | ON_ANOTHER_HOST,
    "strlen": {"memory", "old_host"},
    "stride": {"strides", "new_host"},
    "no_extension": {"old_host"},
    "exact_size": {"new_host"},
    "syscall": {"syscalls"},
    "fork": {"imports", "syscalls"},
    "close": {"imports", "syscalls"},
    "slow": {"budget"},
    "utf8": {"evidence"},
    "finite": {"evidence"},
    "severity": {"evidence"},
    "many": {"evidence"},
    "placeholder": {"templates"},
    "explain": {"explain"},
    "throw": {"hostile_runs"},
    "desk": set(),
    "lost": {"answers"},
    "no_key": {"deliver"},
    "header": {"deliver_hostile"},
    "dry_run": {"dry_run"},
    "result": {"invoke"},
}
# What would take long or fails nearly everything: one test, and what its finding must say.
ONLY = {
    "exit": ("repeat", "ended the process with exit code 0 while detect()"),
    "hang": ("syscalls", "did not come back within 10 s while detect()"),
    "allocate": ("hostile_runs", "was ended by"),
    "quadratic": ("cancellation", "although it was cancelled"),  # what else it fails depends on the machine
}


def check(program, library, *more):
    done = subprocess.run([program, "plugin", "check", str(library), "--json", *more], capture_output=True, timeout=240)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{library}: exit code {done.returncode}: {done.stderr.decode(errors='replace')}")
    report = json.loads(done.stdout)
    failed = {test["name"]: test for test in report["tests"] if test["result"] == "fail"}
    assert (done.returncode == 1) == bool(failed), "the exit code says what the report says"
    for test in failed.values():
        assert test["expected"] and test["found"] and test["mend"], test
    for test in report["tests"]:
        assert test["result"] != "skip" or test["found"], "a skipped test has a reason"
    return report, failed


def main():
    program, directory, only = sys.argv[1], pathlib.Path(sys.argv[2]), set(sys.argv[3:])
    problems = []
    for rule, expected in RULES.items():
        if only and rule not in only:
            continue
        report, failed = check(program, directory / f"{rule}.so")
        skipped = {test["name"]: test["found"] for test in report["tests"] if test["result"] == "skip"}
        unavailable = {name for name, why in skipped.items() if "seccomp" in why}
        if set(failed) != expected - unavailable:
            for name in sorted(set(failed) ^ (expected - unavailable)):
                what = failed[name]["found"] if name in failed else "did not fail " + skipped.get(name, "")
                problems.append(f"{rule}: {name}: {what}")
        print(f"{rule}: {', '.join(sorted(failed)) or 'passes'}", flush=True)
    for rule, (test, words) in ONLY.items():
        if only and rule not in only:
            continue
        _, failed = check(program, directory / f"{rule}.so", "--only", test)
        found = failed[test]["found"] if test in failed else "passes"
        if words not in found:
            problems.append(f"{rule}: {test}: expected '{words}', found '{found}'")
        print(f"{rule}: {found}", flush=True)
    print("\n".join(problems) if problems else "every rule is found by the right tests")
    return 1 if problems else 0


sys.exit(main())
