"""Events in any order, cut anywhere, sent twice, judged by several processes of which one is killed again and again:
signals, issues and baselines are those of one worker that judges in the order that came about."""
import os
import random
import subprocess
import tempfile
import unittest

from harness import BINARY, Host, host_environment, wait_until
from learned_runs import differences, fired_by_habit, run_of_habit, wait_all_judged, watch
from managed_database import ManagedDatabase

RUNS = 320
SEED = int(os.environ.get("DUNETRACE_E2E_SEED", "23"))
WORKERS = 3
KILL_AFTER = 12  # batches
LOOK_AFTER = 25  # batches, then the runs are judged by what there is of them


class Detector:
    """`dunetrace serve --roles detect` as a process of its own."""

    def __init__(self, url, directory):
        self.environment = host_environment(directory, {
            "DATABASE_URL": url, "STALL_TIMEOUT_SECS": "1", "POLL_INTERVAL": "1", "DETECTOR_CONCURRENCY": "2",
            "BATCH_SIZE": "7"})
        self.directory = directory
        self.start()

    def start(self):
        self.printed = tempfile.TemporaryFile(dir=self.directory)
        self.process = subprocess.Popen([BINARY, "serve", "--roles", "detect"], env=self.environment, cwd=self.directory,
                                        stdin=subprocess.DEVNULL, stdout=self.printed, stderr=self.printed)

    def text(self):
        return os.pread(self.printed.fileno(), 10000, 0).decode(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.printed.close()


def in_random_batches(rng, runs):
    """All events in any order; now and then a batch is sent twice."""
    events = [event for of in runs.values() for event in of]
    rng.shuffle(events)
    while events:
        size = rng.randint(1, 80)
        batch, events = events[:size], events[size:]
        yield batch
        if rng.random() < 0.15:
            yield batch


class SeveralWorkers(unittest.TestCase):
    def test_learned_as_by_one_worker(self):
        rng = random.Random(SEED)
        runs = {}
        for n in range(RUNS):
            run_id = "crowd-%d" % n
            runs[run_id] = run_of_habit(rng, run_id, rng.choice(["crowd", "crowd", "other"]), rng.choice(["v1", "v1", "v2"]))
        with Host(stall_timeout_secs=1, env={"DETECTOR_CONCURRENCY": "1", "BATCH_SIZE": "7"}) as host, \
                tempfile.TemporaryDirectory() as directory:
            watch(host)
            database = ManagedDatabase(host.data_dir)
            url = "host=%s port=%s user=dunetrace dbname=dunetrace" % (database.socket_dir, database.port)
            workers = [Detector(url, directory) for _ in range(WORKERS)]
            try:
                sent = {run_id: [] for run_id in runs}
                kills = 0
                for number, batch in enumerate(in_random_batches(rng, runs)):
                    host.post(batch)
                    for event in batch:
                        sent[event["run_id"]].append(event)
                    if number % LOOK_AFTER == LOOK_AFTER - 1:
                        wait_until(lambda: host.sql_rows("SELECT 1 FROM runs WHERE judged_events < event_count LIMIT 1") == [],
                                   60, "everything sent so far is judged", host.log_tail)
                    if number % KILL_AFTER == KILL_AFTER - 1:
                        victim = workers[kills % WORKERS]
                        self.wait_at_work(host, victim)
                        victim.kill()
                        victim.start()
                        kills += 1
                self.assertGreater(kills, 5)
                wait_all_judged(host, sent, 240)
            finally:
                for worker in workers:
                    worker.kill()
            found, history = differences(host, sent)
            self.assertEqual(found[:20], [], "%d differences, seed %d" % (len(found), SEED))
            self.assertGreater(history.second_looks, RUNS)
            withdrawn = int(host.sql_rows("SELECT count(*) FROM failure_signals WHERE withdrawn_at IS NOT NULL")[0][0])
            self.assertGreater(withdrawn, 0)
            print("%d kills, %d second looks, %d withdrawn; found by what was learned: %s" % (
                kills, history.second_looks, withdrawn, dict(fired_by_habit(host))))

    def wait_at_work(self, host, worker):
        """A process that is killed while it starts proves nothing."""
        self.assertIsNone(worker.process.poll(), "the worker ended by itself")
        wait_until(lambda: "ready:" in worker.text(), 60, "a worker is ready", worker.text)


if __name__ == "__main__":
    unittest.main()
