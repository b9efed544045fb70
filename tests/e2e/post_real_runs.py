#!/usr/bin/env python3
"""Posts recorded runs of real agents as they are and shows what the host finds in them.

    python3 tests/e2e/post_real_runs.py tau-airline.ndjson.gz                       # starts a host of its own
    python3 tests/e2e/post_real_runs.py runs.ndjson.gz --ingest-url http://127.0.0.1:8001 --api-url http://127.0.0.1:8002

A file is NDJSON, gzipped or not: one {"run_id", "outcome", "events": [wire events]} per line. A name without a folder
is looked for in $DUNETRACE_REAL_RUNS, else in ../shared/data/real-runs beside the repository. Exits with 0 when every
run was processed, none was lost and none is there twice.
"""
import argparse
import collections
import contextlib
import gzip
import json
import os
import pathlib
import sys
import threading
import time

import harness

DATA = pathlib.Path(os.environ.get("DUNETRACE_REAL_RUNS", harness.REPOSITORY.parent / "shared/data/real-runs"))
BATCH = 500
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")


def find_file(name):
    path = pathlib.Path(name)
    return path if path.exists() or path.parent != pathlib.Path(".") else DATA / name


def read_runs(path):
    with (gzip.open if str(path).endswith(".gz") else open)(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def batches_of(runs):
    """Whole runs packed into batches; a run larger than a batch is cut."""
    batch = []
    for run in runs:
        if batch and len(batch) + len(run["events"]) > BATCH:
            yield batch
            batch = []
        batch = batch + run["events"]
        while len(batch) > BATCH:
            yield batch[:BATCH]
            batch = batch[BATCH:]
    if batch:
        yield batch


def post_all(client, runs, threads):
    """Posts from several connections; gives the number of events accepted."""
    accepted, failures = [], []

    def work(part):
        try:
            for batch in batches_of(part):
                accepted.append(client.post(batch)["accepted"])
        except BaseException as failure:  # the thread's failure is the script's
            failures.append(failure)

    workers = [threading.Thread(target=work, args=(runs[n::threads],)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        raise failures[0]
    return sum(accepted)


def verify_none_lost_none_twice(client, runs):
    """Every run of the file is listed once by its agent, with all of its events."""
    problems = []
    sent = {run["run_id"]: run for run in runs}
    agents = {run["events"][0]["agent_id"] for run in runs}
    listed = collections.Counter(r["run_id"] for agent in agents for r in client.pages(agent, "runs"))
    problems += ["run %s was lost" % r for r in sent if r not in listed]
    problems += ["run %s is listed %d times" % (r, n) for r, n in listed.items() if n > 1]
    details = {}
    for run_id, run in sent.items():
        details[run_id] = client.run(run_id)
        have, want = len(details[run_id]["events"]), len(run["events"])
        stored = details[run_id]["event_count"]  # repeats included
        if (have, stored) != (want, want):
            problems.append("run %s: sent %d events, shown %d, stored %d" % (run_id, want, have, stored))
    return problems, details


def table(runs, details):
    """Signals per failure type, with the outcomes of the runs they fired in."""
    rows = collections.defaultdict(collections.Counter)
    outcomes = collections.Counter(run.get("outcome") or "unknown" for run in runs)
    for run in runs:
        for signal in details[run["run_id"]]["signals"]:
            rows[signal["failure_type"]].update([signal["severity"], "all", run.get("outcome") or "unknown"])
        if not details[run["run_id"]]["signals"]:
            rows["(no signal)"].update(["all", run.get("outcome") or "unknown"])
    columns = ("all",) + SEVERITIES + tuple(sorted(outcomes))
    lines = ["%-26s" % "failure type" + "".join("%10s" % c for c in columns)]
    for name in sorted(rows, key=lambda n: (n.startswith("("), -rows[n]["all"])):
        lines.append("%-26s" % name + "".join("%10s" % (rows[name][c] or "-") for c in columns))
    lines.append("%-26s%10d%s" % ("runs", len(runs), " " * 40) + "".join("%10d" % outcomes[c] for c in sorted(outcomes)))
    return "\n".join(lines)


def post_and_verify(client, runs, threads=4, timeout_s=300):
    """(problems, run details, seconds until everything was processed)."""
    started = time.monotonic()
    events = sum(len(run["events"]) for run in runs)
    accepted = post_all(client, runs, threads)
    posted = time.monotonic()
    client.wait_processed(collections.Counter(run["events"][0]["agent_id"] for run in runs), timeout_s)
    finished = time.monotonic()
    problems, details = verify_none_lost_none_twice(client, runs)
    if accepted != events:
        problems.append("sent %d events, accepted %d" % (events, accepted))
    print("%d runs, %d events: posted in %.1f s, all processed after %.1f s" % (
        len(runs), events, posted - started, finished - started))
    return problems, details


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="recorded runs (.ndjson or .ndjson.gz)")
    parser.add_argument("--ingest-url", help="a running host's ingest port; without it a host is started for the occasion")
    parser.add_argument("--api-url", help="the same host's API port")
    parser.add_argument("--threads", type=int, default=4, help="connections that post at once (4)")
    parser.add_argument("--stall-timeout", type=int, default=2, help="seconds of silence after which the started host "
                        "judges a run without an end (2)")
    options = parser.parse_args()
    if bool(options.ingest_url) != bool(options.api_url):
        parser.error("--ingest-url and --api-url go together")
    path = find_file(options.file)
    if not path.exists():
        parser.error("no such file: %s" % path)
    runs = read_runs(path)
    with contextlib.ExitStack() as stack:
        if options.ingest_url:
            client = harness.Client.of_urls(options.ingest_url, options.api_url)
        else:
            client = stack.enter_context(harness.Host(stall_timeout_secs=options.stall_timeout))
        problems, details = post_and_verify(client, runs, options.threads)
        print(table(runs, details))
    for problem in problems[:20]:
        print("PROBLEM: " + problem, file=sys.stderr)
    print("none lost, none twice" if not problems else "%d problems" % len(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AssertionError, OSError) as failure:
        sys.exit("post_real_runs: %s" % failure)
