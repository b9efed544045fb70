"""PostgreSQL is away for a while at full load, and what was accepted meanwhile is stored once when it is back.

DUNE_FAULT_AWAY_S=600 DUNE_FAULT_EVENTS_PER_S=10000 is ten minutes at ten thousand events a second; the time it took to
catch up is printed. SPOOL_MAX_BYTES is raised for it: that much is more than the default of 1 GiB.
"""
import json
import os
import pathlib
import shutil
import subprocess
import time
import unittest

from cluster import Cluster
from harness import REPOSITORY, make_data_dir, wait_until
from load import OwnDatabaseHost, number, wait_stored, waiting_events

CLIENT = os.environ.get("DUNE_INGEST_LOAD", str(REPOSITORY / "build/release/bench/ingest_load"))
AWAY_S = number("DUNE_FAULT_AWAY_S", 6)
EVENTS_PER_S = number("DUNE_FAULT_EVENTS_PER_S", 2_000)
BATCH = 100
AROUND_S = 1  # of load before and after
CATCH_UP_LIMIT_S = 600


class PostgresAway(unittest.TestCase):
    def setUp(self):
        if not pathlib.Path(CLIENT).is_file():
            self.skipTest("the load client is not built (target ingest_load; DUNE_INGEST_LOAD names it)")
        self.directory = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.cluster = Cluster(self.directory, shared_buffers="64MB", max_wal_size="512MB").create()
        self.addCleanup(self.cluster.discard)
        self.cluster.start().create_database()
        self.acknowledged = self.directory / "acknowledged"

    def load(self, host, seconds):
        return subprocess.Popen([CLIENT, "send", "--port", str(host.ports["ingest"]), "--batch", str(BATCH),
                                 "--rate", str(EVENTS_PER_S / BATCH), "--seconds", str(seconds), "--acknowledged", self.acknowledged],
                                stdout=subprocess.PIPE, text=True)

    def stored(self, host):
        return int(host.sql_rows("SELECT coalesce(sum(event_count), 0) FROM runs")[0][0])

    def test_what_was_accepted_is_stored_once(self):
        with OwnDatabaseHost(self.cluster.url, self.cluster.rows, env={"SPOOL_MAX_BYTES": str(16 << 30)}) as host:
            load = self.load(host, AROUND_S + AWAY_S + AROUND_S)
            wait_until(lambda: self.stored(host) > 0, 30, "the first events are stored", host.log_tail)
            self.cluster.stop()
            gone = time.monotonic()
            try:
                load.wait(AWAY_S - min(AROUND_S, AWAY_S / 2))
                self.fail("the load ended while the database was away")
            except subprocess.TimeoutExpired:
                pass
            waiting, away_s = waiting_events(host), time.monotonic() - gone
            back = time.monotonic()
            self.cluster.start()
            figures = json.loads(load.communicate(timeout=AWAY_S + 120)[0])
            wait_stored(host, CATCH_UP_LIMIT_S)
            caught_up_s = time.monotonic() - back
            self.assertEqual(figures["not_accepted"], {})
            done = subprocess.run([CLIENT, "check", "--database", self.cluster.url, "--acknowledged", self.acknowledged],
                                  capture_output=True, text=True, timeout=600)
            self.assertEqual(done.returncode, 0, done.stderr)
            found = json.loads(done.stdout)
            self.assertEqual((found["missing"], found["not_whole_or_not_once"]), (0, 0), found)
            self.assertEqual(found["batches"] * BATCH, figures["events"])
            peak = (pathlib.Path("/proc/%d/status" % host.process.pid).read_text()).split("VmHWM:")[1].split()[0]
            print("away %.0f s at %.0f events/s: %d events waited, caught up in %.1f s; 202 p50 %.2f p99 %.2f ms; memory at most %d MiB; %s" % (
                away_s, EVENTS_PER_S, waiting, caught_up_s, figures["latency_ms"]["p50"], figures["latency_ms"]["p99"], int(peak) // 1024, found))


if __name__ == "__main__":
    unittest.main()
