#!/usr/bin/env python3
"""Measures ingest on this machine: a real host on a managed PostgreSQL of its own, bare COPY beside it, in one run.

    bench/load/measure.py [--build build/release] [--seconds 8] [--variants all,ingest] [--json FILE]

Two variants: `all` is `dunetrace up`, whose detect role judges every run while it comes in; `ingest` is
`serve --roles ingest` on the same database with nobody else at it. bench/README.md says how to read the figures.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(REPOSITORY / "tests/e2e"))

SETTLE_LIMIT_S = 90  # until nothing is left to judge
REST_S = 10          # after the load, before memory is looked at again


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=REPOSITORY / "build/release")
    parser.add_argument("--seconds", type=float, default=5, help="of each part of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--variants", default="all,ingest", help="comma-separated: all, ingest")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--most-behind", type=int, default=20_000,
                        help="acknowledged and not yet visible events the client allows; more makes it wait")
    parser.add_argument("--rate", type=float, help="events/s of the latency part; half of the sustained rate without")
    parser.add_argument("--json", type=pathlib.Path, help="write every figure there, too")
    return parser.parse_args()


OPTIONS = arguments()
os.environ.setdefault("DUNETRACE_BIN", str(OPTIONS.build.resolve() / "bin/dunetrace"))

from hosts import IngestHost, UpHost  # noqa: E402  (needs the two paths above)
from observer import Observer  # noqa: E402
from client import Client, run_files  # noqa: E402


def part(observer, name, work):
    """One part of a measurement: the client's figures, and what host and database used meanwhile."""
    before, load = observer.cpu(), os.getloadavg()[0]
    figures = work()
    after = observer.cpu()
    figures["host_cpu_s"] = round(after["host"] - before["host"], 2)
    figures["postgres_cpu_s"] = round(after["postgres"] - before["postgres"], 2)
    figures["load_average_before"] = round(load, 2)
    print("  %-10s %s" % (name, json.dumps(figures)), file=sys.stderr)
    return figures


def rate_of(parts):
    """Rows or events per second over several parts, each until its last one was visible."""
    return sum(p.get("rows") or p["events"] for p in parts) / sum(p["seconds"] + p.get("visible_after_s", 0) for p in parts)


def cpu_of(parts, whose):
    """CPU seconds per 100,000 rows or events."""
    return sum(p[whose + "_cpu_s"] for p in parts) / sum(p.get("rows") or p["events"] for p in parts) * 1e5


def beside_copy(client, rate):
    """How soon 4 KB are on the disk while PostgreSQL stores as many rows as in the latency part."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        copying = pool.submit(client.copy, seconds=OPTIONS.seconds, rows_per_s=rate * 100)
        figures = client.disk(seconds=OPTIONS.seconds, per_s=rate)
        figures["rows"] = copying.result()["rows"]
    return figures


def measure(host, salt, files):
    result = {}
    client = Client(OPTIONS.build / "bench/ingest_load", host, files, salt)
    seconds = OPTIONS.seconds
    closed = {"connections": OPTIONS.connections, "most_behind": OPTIONS.most_behind}
    host.prime()
    with Observer(host) as observer:
        time.sleep(2)
        result["rss_idle_mib"] = observer.rss_mib()
        client.send(seconds=2, batch=100, **closed)  # caches, partitions and plans are warm afterwards
        host.settle(SETTLE_LIMIT_S)
        rounds = {"copy": [], "sustained": [], "small": []}
        # In turn: the machine changes, the tables grow, and checkpoints of the database make its speed go up and down.
        for _ in range(OPTIONS.rounds):
            for name, work in (("copy", lambda: client.copy(seconds=seconds)),
                               ("sustained", lambda: client.send(seconds=seconds, batch=100, **closed)),
                               ("small", lambda: client.send(seconds=seconds, batch=20, **closed))):
                rounds[name].append(part(observer, name, work))
                host.settle(SETTLE_LIMIT_S)
        result.update(rounds)
        result["copy_rows_per_s"] = copy = rate_of(rounds["copy"])
        result["sustained_per_s"] = sustained = rate_of(rounds["sustained"])
        result["small_per_s"] = rate_of(rounds["small"])
        result["ratio"], result["small_ratio"] = sustained / copy, result["small_per_s"] / copy
        rate = (OPTIONS.rate or sustained / 2) / 100
        result["disk"] = part(observer, "disk", lambda: client.disk(seconds=2, per_s=rate))
        result["disk_beside_copy"] = part(observer, "disk+copy", lambda: beside_copy(client, rate))
        result["latency"] = part(observer, "latency", lambda: client.send(
            seconds=seconds * 2, batch=100, connections=OPTIONS.connections, rate=rate))
        result["flood"] = part(observer, "flood", lambda: client.send(
            seconds=seconds, batch=20, connections=OPTIONS.connections))
        host.settle(SETTLE_LIMIT_S)
        result["rss_peak_mib"] = observer.peak_mib()
        time.sleep(REST_S)
        result["rss_after_mib"] = observer.rss_mib()
    result["check"] = client.check()
    return result


ROWS = [
    ("bare COPY, 5,000 rows each, rows/s", lambda r: r["copy_rows_per_s"], "%.0f"),
    ("  PostgreSQL CPU per 100,000 rows, s", lambda r: cpu_of(r["copy"], "postgres"), "%.2f"),
    ("batches of 100, HTTP to visible, events/s", lambda r: r["sustained_per_s"], "%.0f"),
    ("  ratio to COPY (target 0.5)", lambda r: r["ratio"], "%.2f"),
    ("  host CPU per 100,000 events, s", lambda r: cpu_of(r["sustained"], "host"), "%.2f"),
    ("  PostgreSQL CPU per 100,000 events, s", lambda r: cpu_of(r["sustained"], "postgres"), "%.2f"),
    ("batches of 20, requests/s to visible", lambda r: r["small_per_s"] / 20, "%.0f"),
    ("  ratio to COPY", lambda r: r["small_ratio"], "%.2f"),
    ("batches of 20, flooded, 202s/s (target 5,000)", lambda r: r["flood"]["requests_per_s"], "%.0f"),
    ("202 at half the sustained rate, p50 ms (target 1.5)", lambda r: r["latency"]["latency_ms"]["p50"], "%.2f"),
    ("  p99 ms (target 5)", lambda r: r["latency"]["latency_ms"]["p99"], "%.2f"),
    ("  p99.9 ms", lambda r: r["latency"]["latency_ms"]["p999"], "%.2f"),
    ("  max ms", lambda r: r["latency"]["latency_ms"]["max"], "%.2f"),
    ("4 KB appended and synced, p99 ms", lambda r: r["disk"]["append_ms"]["p99"], "%.2f"),
    ("  overwritten and synced, p99 ms", lambda r: r["disk"]["overwrite_ms"]["p99"], "%.2f"),
    ("  appended beside bare COPY of the same rate, p99 ms", lambda r: r["disk_beside_copy"]["append_ms"]["p99"], "%.2f"),
    ("  overwritten beside it, p50 ms", lambda r: r["disk_beside_copy"]["overwrite_ms"]["p50"], "%.2f"),
    ("  p99 ms", lambda r: r["disk_beside_copy"]["overwrite_ms"]["p99"], "%.2f"),
    ("host RSS idle, MiB", lambda r: r["rss_idle_mib"], "%.0f"),
    ("  peak, MiB (target 256)", lambda r: r["rss_peak_mib"], "%.0f"),
    ("  %d s after the load, MiB" % REST_S, lambda r: r["rss_after_mib"], "%.0f"),
    ("acknowledged batches", lambda r: r["check"]["batches"], "%d"),
    ("  missing, or not whole, or not once", lambda r: r["check"]["missing"] + r["check"]["not_whole_or_not_once"], "%d"),
]


def print_table(results):
    print("%-54s" % "" + "".join("%14s" % name for name in results))
    for label, value, form in ROWS:
        print("%-54s" % label + "".join("%14s" % (form % value(r)) for r in results.values()))


def main():
    files = run_files()
    print("load: %s" % ("%d files of real runs" % len(files) if files else "made-up runs"), file=sys.stderr)
    kinds = {"all": UpHost, "ingest": IngestHost}
    results = {}
    for salt, name in enumerate(OPTIONS.variants.split(",")):
        print("%s (load average %.1f)" % (name, os.getloadavg()[0]), file=sys.stderr)
        with kinds[name]() as host:
            results[name] = measure(host, salt * 100, files)
    print_table(results)
    if OPTIONS.json:
        OPTIONS.json.write_text(json.dumps(results, indent=1) + "\n")
    bad = [n for n, r in results.items() if r["check"]["missing"] or r["check"]["not_whole_or_not_once"]]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
