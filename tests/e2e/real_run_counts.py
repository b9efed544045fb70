#!/usr/bin/env python3
"""How many recorded runs of real agents each detector fires on, as a table that is kept in the repository.

    python3 tests/e2e/real_run_counts.py             # what is found now, beside what the table says
    python3 tests/e2e/real_run_counts.py --update    # writes tests/golden/real_runs.txt

The default configuration, fixed thresholds: `dunetrace backtest --from FILE` has no history to learn from, so that
STEP_COUNT_INFLATION is always 0. The recordings are no part of the repository (DUNETRACE_REAL_RUNS, see
post_real_runs.py); the table holds counts only.
"""
import argparse
import json
import pathlib
import shutil
import sys

from harness import REPOSITORY, make_data_dir, run_dunetrace
from langfuse_traces import run_of
from post_real_runs import DATA

TABLE = REPOSITORY / "tests/golden/real_runs.txt"
FILES = {"tau-airline": "tau-airline.ndjson.gz", "intercode-bash": "intercode-bash.ndjson.gz",
         "intercode-sql-gpt4": "intercode-sql-gpt4.ndjson.gz", "swe-agent-demos": "swe-agent-demos.ndjson.gz",
         "langfuse-traces": "langfuse-framework-traces"}


def present():
    return [name for name, file in FILES.items() if (DATA / file).exists()]


def _as_runs(path, directory):
    """The file itself, or the traces of a folder as one."""
    if path.is_file():
        return path
    runs = [run_of(trace.name.split(".")[0], json.loads(trace.read_text())) for trace in sorted(path.glob("*.json"))]
    file = directory / (path.name + ".ndjson")
    file.write_text("".join(json.dumps(run) + "\n" for run in runs))
    return file


def count(name):
    """{"runs", "events", every failure type} of one recording."""
    directory = pathlib.Path(make_data_dir())
    try:
        shutil.copy(REPOSITORY / "detectors.yml", directory)
        code, out, err = run_dunetrace("backtest", "--from", str(_as_runs(DATA / FILES[name], directory)), "--json",
                                       data_dir=directory, timeout_s=300)
        if code != 0 or err:
            raise AssertionError("backtest of %s ended with %d: %s" % (name, code, err))
        report = json.loads(out)
        if report["skipped"]["count"]:
            raise AssertionError("%s: runs were skipped: %s" % (name, report["skipped"]))
        found = {row["failure_type"]: row["current"]["fires"] for row in report["detectors"] if row["current"]["state"] == "live"}
        return {"runs": report["runs"], "events": report["events"], **found}
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def text_of(counts):
    rows = list(dict.fromkeys(key for column in counts.values() for key in column))
    lines = ["%-24s" % "" + "".join("%20s" % name for name in counts)]
    lines += ["%-24s" % row + "".join("%20d" % counts[name].get(row, 0) for name in counts) for row in rows]
    return "".join(line + "\n" for line in lines)


def read_table():
    header, *rows = TABLE.read_text().splitlines()
    names = header.split()
    columns = {name: {} for name in names}
    for row in rows:
        key, *values = row.split()
        for name, value in zip(names, values, strict=True):
            columns[name][key] = int(value)
    return columns


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the table")
    options = parser.parse_args()
    missing = FILES.keys() - set(present())
    if missing:
        sys.exit("no recordings of %s at %s (set DUNETRACE_REAL_RUNS to their folder)" % (", ".join(sorted(missing)), DATA))
    text = text_of({name: count(name) for name in FILES})
    if options.update:
        TABLE.write_text(text)
    print(text if options.update or text == TABLE.read_text() else text + "\nThe table says:\n" + TABLE.read_text())


if __name__ == "__main__":
    main()
