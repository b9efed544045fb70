#!/usr/bin/env python3
"""Today's plugins on the host that was frozen with version 1.0: each must load, run and do what it does today.

  check_frozen_host.py ABI_DIR GOLDEN PLUGIN.so…          compares with GOLDEN, what the components say, line by line
  check_frozen_host.py --write ABI_DIR GOLDEN PLUGIN.so…  writes GOLDEN anew, after a rule was changed on purpose

A component that GOLDEN does not know only has to run without a failure. Called by ctest; 77 = not on this machine.
"""
import json
import pathlib
import platform
import subprocess
import sys

# What actions of integrations get; a plugin takes from it what it knows.
INPUT = json.dumps({"title": "A ticket", "text": "What happened", "name": "somebody", "id": "1", "run_id": "run-1"})
SECONDS = 20


def ran(host, runs, plugin):
    """The lines a plugin caused on that host; a list of problems if it did not work."""
    try:
        done = subprocess.run([host, plugin, runs, "--input", INPUT], capture_output=True, text=True, timeout=SECONDS,
                              check=False)
    except subprocess.TimeoutExpired:
        return [], [f"{plugin}: not done after {SECONDS} s"]
    lines = done.stdout.splitlines()
    if done.returncode != 0:
        failed = [line for line in lines if '"failed"' in line]
        return lines, [f"{plugin}: exit code {done.returncode}: {done.stderr.strip()}"] + failed
    summary = json.loads(lines[-1])
    if summary["components"] < 1 or summary["runs"] < 2 or summary["failures"] != 0:
        return lines, [f"{plugin}: {lines[-1]}"]
    return lines[:-1], []


def by_component(lines):
    out = {}
    for line in lines:
        out.setdefault(json.loads(line)["component"], []).append(line)
    return out


def main(arguments):
    write = arguments[0] == "--write"
    abi, golden, plugins = (pathlib.Path(arguments[write]), pathlib.Path(arguments[write + 1]), arguments[write + 2:])
    if platform.machine() != "x86_64":
        print(f"SKIPPED: frozen_host is an x86-64 program, this is {platform.machine()}")
        return 77
    if not plugins:
        print("FAILED: no plugin was given")
        return 1
    today, problems = {}, []
    for plugin in plugins:
        lines, wrong = ran(abi / "frozen_host", abi / "runs.txt", plugin)
        problems += wrong
        today.update(by_component(lines))
    if write and not problems:
        golden.write_text("".join(line + "\n" for lines in today.values() for line in lines), encoding="utf-8")
        print(f"{golden} was written: {len(today)} components")
        return 0
    expected = by_component(golden.read_text(encoding="utf-8").splitlines())
    for component, lines in expected.items():
        if today.get(component) != lines:
            found = today.get(component, ["nothing"])
            problems.append(f"{component}: expected\n  " + "\n  ".join(lines) + "\nfound\n  " + "\n  ".join(found))
    for problem in problems:
        print(f"FAILED: {problem}")
    print(f"{len(plugins)} plugins, {len(expected)} components compared")
    return 1 if problems or len(expected) < 10 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
