"""kill -9 of the real host at random instants under load: every batch answered with 202 is stored exactly once."""
import collections
import http.client
import os
import random
import threading
import time
import unittest
import uuid

from harness import Connection, Host, run_dunetrace, wait_until
from run_builder import RunBuilder
from wire_text import batch_body

SEED = int(os.environ.get("DUNE_FAULT_SEED", random.randrange(1 << 30)))
SECONDS = float(os.environ.get("DUNE_FAULT_SECONDS", "20"))
CLIENTS = 6
AGENT = "killed"
LONGEST_LIFE_S = 0.8  # of a host between its start and its kill


class Load:
    """Clients that post one run per batch for as long as they may, whatever becomes of the host in between."""

    def __init__(self, host):
        self.host = host
        self.answers = {}  # run id → (status or None when no answer came, number of events)
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(CLIENTS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _work(self):
        connection, port = None, None
        while not self._stop.is_set():
            if connection is None or port != self.host.ports["ingest"]:
                port = self.host.ports["ingest"]
                connection = Connection(port, timeout_s=15)
            run = RunBuilder(str(uuid.uuid4()), AGENT).start()
            for _ in range(8):
                run.tool("search")
            run.complete("final_answer")
            status = None
            try:
                status = connection.send("POST", "/v1/ingest", batch_body(run.events).encode(),
                                         {"Content-Type": "application/json"}, retry=False)[0]
            except (OSError, http.client.HTTPException):
                connection.close()
                connection = None
                self._stop.wait(0.02)  # nobody is there just now
            with self._lock:
                self.answers[run.run_id] = (status, len(run.events))


class KillSpool(unittest.TestCase):
    def test_what_was_accepted_is_stored_once(self):
        print("DUNE_FAULT_SEED=%d" % SEED)
        chance = random.Random(SEED)
        with Host() as host:
            kills, until = 0, time.monotonic() + SECONDS
            with Load(host) as load:
                while time.monotonic() < until:
                    threading.Event().wait(chance.uniform(0.0, LONGEST_LIFE_S))  # the random instant itself
                    host.kill()
                    kills += 1
                    host.start()
            answers = dict(load.answers)
            accepted = {run: events for run, (status, events) in answers.items() if status == 202}
            print("%d kills, answers by status: %s" % (kills, dict(collections.Counter(s for s, _ in answers.values()))))
            self.assertGreater(len(accepted), 0)
            self.wait_drained(host)
            self.check(host, answers, accepted)

    def wait_drained(self, host):
        def drained():
            code, out, _ = run_dunetrace("spool", "status", data_dir=host.data_dir)
            return code == 0 and " 0 batches" in out
        wait_until(drained, 30, "the spool is empty", host.log_tail)

    def check(self, host, answers, accepted):
        sql = ("SELECT run_id, count(*), count(DISTINCT (step_index, event_type)), count(DISTINCT batch_id) FROM events "
               "WHERE agent_id = '%s' GROUP BY run_id" % AGENT)
        stored = {run: tuple(map(int, counts)) for run, *counts in host.sql_rows(sql)}
        lost = [run for run in accepted if run not in stored]
        self.assertEqual(lost, [], "accepted batches that are not stored")
        # A batch without an answer may be stored or not, but whole and once, too.
        wrong = {run: found for run, found in stored.items() if found != (answers[run][1], answers[run][1], 1)}
        self.assertEqual(wrong, {}, "batches that are not stored whole and once")
        counted = {run: int(n) for run, n in host.sql_rows("SELECT run_id, event_count FROM runs WHERE agent_id = '%s'" % AGENT)}
        self.assertEqual({run: n for run, n in counted.items() if n != answers[run][1]}, {}, "runs that count twice")


if __name__ == "__main__":
    unittest.main()
