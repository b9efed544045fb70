"""SIGTERM in the middle of load: every batch answered with 202 is there after a restart, exactly once, or was refused."""
import collections
import http.client
import threading
import unittest
import uuid

from harness import Connection, HttpError, Host, wait_until
from run_builder import RunBuilder
from wire_text import batch_body

THREADS = 6
RUNS_PER_BATCH = 3
AGENT = "under-load"
ENOUGH_BATCHES = 150  # answered before the signal is sent


def make_run():
    run = RunBuilder(str(uuid.uuid4()), AGENT).start(tools=["search"])
    for _ in range(5):
        run.llm(100, finish_reason="tool_calls", output_length=0).tool("search")
    return run.complete("final_answer")


class Load:
    """Posts batches of whole runs from several threads until the host goes away; remembers what it answered."""

    def __init__(self, port):
        self.port = port
        self.answers = {}  # run id → status of its batch, or None when no answer came
        self.answered = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work) for _ in range(THREADS)]
        self.events_per_run = len(make_run().events)

    def start(self):
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join(60)

    def _work(self):
        connection = Connection(self.port, timeout_s=15)
        while True:
            runs = [make_run() for _ in range(RUNS_PER_BATCH)]
            body = batch_body([event for run in runs for event in run.events]).encode()
            status = None
            try:
                status = connection.send("POST", "/v1/ingest", body, {"Content-Type": "application/json"}, retry=False)[0]
            except (OSError, http.client.HTTPException):
                pass  # the host is going away; whether this batch was taken is unknown
            with self._lock:
                self.answers.update({run.run_id: status for run in runs})
                self.answered += status == 202
            if status != 202:
                return


class TermUnderLoad(unittest.TestCase):
    def test_what_was_accepted_is_kept_once(self):
        with Host() as host:
            load = Load(host.ports["ingest"])
            load.start()
            try:
                wait_until(lambda: load.answered >= ENOUGH_BATCHES, 60, "%d batches are accepted" % ENOUGH_BATCHES, host.log_tail)
            finally:
                host.terminate()
                load.join()
            self.assertEqual(host.wait_ended(), 0, host.log_tail())
            statuses = collections.Counter(load.answers.values())
            print("answers by run: %s" % dict(statuses))
            self.assertLessEqual(set(statuses), {202, 503, None}, "a host that ends accepts, refuses with 503 or closes")
            host.start()
            kept = [run_id for run_id, status in load.answers.items() if status == 202]
            host.wait_processed({AGENT: len(kept)}, timeout_s=120)
            self.check_kept(host, load, kept)

    def check_kept(self, host, load, kept):
        listed = collections.Counter(r["run_id"] for r in host.pages(AGENT, "runs"))
        self.assertEqual([r for r in kept if listed[r] != 1], [], "accepted runs that are missing or doubled")
        stored = dict(host.sql_rows("SELECT run_id, count(*) FROM events WHERE agent_id = '%s' GROUP BY run_id" % AGENT))
        wrong = {r: stored.get(r) for r in kept if stored.get(r) != str(load.events_per_run)}
        self.assertEqual(wrong, {}, "accepted runs whose events are not there exactly once")
        partial = {r: n for r, n in stored.items() if n != str(load.events_per_run)}
        self.assertEqual(partial, {}, "a batch is kept whole or not at all")
        self.assertLessEqual(set(stored), set(load.answers))
        sample = host.run(kept[-1])
        self.assertEqual([s["failure_type"] for s in sample["signals"]], ["TOOL_LOOP"])

    def test_an_ended_host_refuses_instead_of_hanging(self):
        with Host() as host:
            port = host.ports["ingest"]
            self.assertEqual(host.stop(), 0)
            with self.assertRaises(OSError):
                Connection(port, timeout_s=5).send("GET", "/health")
            host.start()
            with self.assertRaises(HttpError):
                host.run("no-such-run")


if __name__ == "__main__":
    unittest.main()
