#!/usr/bin/env python3
"""Measures how long a signal takes: from the instant a run's last event is sent to the commit that shows what was found.

    bench/load/signals.py [--build build/release] [--seconds 20] [--rate EVENTS_PER_S] [--json FILE]

A real host with all roles on a managed PostgreSQL of its own. It is loaded with half of what it sustains, measured just
before, while probes, runs with a tool loop in a batch of their own, come in at fixed instants. The time of a commit is
the server's (track_commit_timestamp), on the same clock. bench/README.md says how to read the figures.
"""
import argparse
import http.client
import json
import os
import pathlib
import sys
import threading
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(REPOSITORY / "tests/e2e"))

SETTLE_LIMIT_S = 120
PROBE = "probe"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=REPOSITORY / "build/release")
    parser.add_argument("--seconds", type=float, default=20, help="of the load with probes; twice as long in all")
    parser.add_argument("--rounds", type=int, default=3, help="capacity and load in turn, because machines change")
    parser.add_argument("--rate", type=float, help="events/s of the load; half of the capacity without")
    parser.add_argument("--probes", type=float, default=20, help="runs per second that are timed")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--json", type=pathlib.Path, help="write every figure there, too")
    return parser.parse_args()


OPTIONS = arguments()
os.environ.setdefault("DUNETRACE_BIN", str(OPTIONS.build.resolve() / "bin/dunetrace"))

from hosts import UpHost  # noqa: E402  (needs the two paths above)
from client import Client, run_files  # noqa: E402
from run_builder import RunBuilder  # noqa: E402
from wire_text import batch_body  # noqa: E402


class SignalsHost(UpHost):
    """Remembers when each transaction was committed."""

    def start(self):
        super().start()
        if not getattr(self, "_set", False):
            self._set = True
            cluster = next(self.data_dir.rglob("postmaster.pid")).parent
            self.stop()
            with open(cluster / "postgresql.conf", "a") as settings:
                settings.write("\ntrack_commit_timestamp = on\n")
            super().start()
        return self


class Probes:
    """Posts a run at fixed instants and notes the instant each was due, not when it was sent."""

    def __init__(self, port):
        self._port, self.due = port, {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _work(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        begin, number = time.time(), 0
        while not self._stop.wait(max(0.0, begin + number / OPTIONS.probes - time.time())):
            run = RunBuilder(str(uuid.uuid4()), PROBE).start(tools=["search"])
            for _ in range(5):
                run.tool("search")
            run.complete("final_answer")
            connection.request("POST", "/v1/ingest", batch_body(run.events), {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            if response.status == 202:
                self.due[run.run_id] = begin + number / OPTIONS.probes
            number += 1


def visible(host):
    """When the signals of each probe were committed; processed_runs is written with them and never touched later."""
    rows = host.sql_rows("SELECT p.run_id, extract(epoch FROM pg_xact_commit_timestamp(p.xmin)) FROM processed_runs p "
                         "WHERE p.agent_id = '%s' AND p.signal_count > 0" % PROBE)
    return {run: float(at) for run, at in rows}


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else float("nan")


def measure(host, client):
    host.prime()
    client.send(seconds=2, batch=100, connections=OPTIONS.connections, most_behind=20_000)  # everything is warm afterwards
    host.settle(SETTLE_LIMIT_S)
    rounds, due = [], {}
    for _ in range(OPTIONS.rounds):
        capacity = OPTIONS.rate and OPTIONS.rate * 2
        if not capacity:
            sustained = client.send(seconds=OPTIONS.seconds / OPTIONS.rounds, batch=100, connections=OPTIONS.connections, most_behind=20_000)
            capacity = sustained["visible_per_s"]
            host.settle(SETTLE_LIMIT_S)
        load = os.getloadavg()[0]
        with Probes(host.ports["ingest"]) as probes:
            client.send(seconds=OPTIONS.seconds / OPTIONS.rounds, batch=100, connections=OPTIONS.connections, rate=capacity / 200)
        due.update(probes.due)
        host.settle(SETTLE_LIMIT_S)
        seen = visible(host)
        times = [1000 * (seen[run] - at) for run, at in probes.due.items() if run in seen]
        rounds.append({"capacity_per_s": capacity, "load_average_before": load, "probes": len(probes.due), "p50": percentile(times, 0.5),
                       "p99": percentile(times, 0.99), "max": max(times, default=float("nan"))})
        print("  %s" % json.dumps(rounds[-1]), file=sys.stderr)
    seen = visible(host)
    times = [1000 * (seen[run] - at) for run, at in due.items() if run in seen]
    return {"rounds": rounds, "probes": len(due), "without_signal": len(set(due) - set(seen)),
            "ms": {name: percentile(times, part) for name, part in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1))}}


def main():
    files = run_files()
    print("load: %s" % ("%d files of real runs" % len(files) if files else "made-up runs"), file=sys.stderr)
    with SignalsHost() as host:
        result = measure(host, Client(OPTIONS.build / "bench/ingest_load", host, files, 0))
    print("load, events/s (half of the capacity, median)   %8.0f" % (percentile([r["capacity_per_s"] for r in result["rounds"]], 0.5) / 2))
    print("probes, runs                                    %8d" % result["probes"])
    print("  without a signal                              %8d" % result["without_signal"])
    for name, target in (("p50", ""), ("p90", ""), ("p99", "(target 300)"), ("max", "")):
        print("run finished to signal visible, %s, ms %s%8.1f %s" % (name, " " * (10 - len(name)), result["ms"][name], target))
    if OPTIONS.json:
        OPTIONS.json.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if result["without_signal"] else 0


if __name__ == "__main__":
    sys.exit(main())
