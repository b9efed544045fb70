"""Three detect processes, one of them killed with -9 every second, while runs come in and some get late events: every
run is judged once in effect, and what was found equals what one worker finds in peace."""
import os
import random
import threading
import time
import unittest

from harness import wait_until
from random_runs import generate
from serve_roles import LoneDatabase, ServedRoles

SEED = int(os.environ.get("DUNE_FAULT_SEED", random.randrange(1 << 30)))
SECONDS = float(os.environ.get("DUNE_FAULT_SECONDS", "15"))  # over which the runs come in
RUNS = int(os.environ.get("DUNE_FAULT_RUNS", "5000"))
WORKERS = 3
BATCH = 500     # events
STALL_S = "2"
GIVEN_BACK_S = 30  # until everything is judged: a lease and a look, with room for a crowded machine

FOUND = ("SELECT run_id, failure_type, severity, step_index, confidence, evidence, shadow, co_signal_count, "
         "withdrawn_at IS NOT NULL FROM failure_signals WHERE withdrawn_at IS NULL ORDER BY 1, 2")
JUDGED = ("SELECT run_id, agent_id, agent_version, trigger, exit_reason, incomplete, truncated, signal_count "
          "FROM processed_runs ORDER BY 1")
LEFT = "SELECT count(*) FROM runs WHERE judged_events < event_count"


def arrivals(chance, runs):
    """Batches in the order in which they are sent: whole runs, of every fifth the last event late."""
    late, batch = [], []
    for run in runs:
        events = list(run.events)
        if len(events) > 1 and chance.random() < 0.2:
            late.append(events.pop())
        batch += events
        while len(batch) >= BATCH:
            yield batch[:BATCH]
            batch = batch[BATCH:]
            if len(late) > 40:
                yield late
                late = []
    if batch:
        yield batch
    if late:
        yield late


class KillDetect(unittest.TestCase):
    def test_every_run_is_judged_once_in_effect(self):
        print("DUNE_FAULT_SEED=%d" % SEED)
        chance = random.Random(SEED)
        # Each has a version of its own, so no baseline is learned and what is found depends on no order.
        runs = [run for run in generate(seed=SEED, count=RUNS) if run.events]
        env = {"STALL_TIMEOUT_SECS": STALL_S, "DETECTOR_CONCURRENCY": "2", "BATCH_SIZE": "25"}
        with LoneDatabase() as database, ServedRoles(database, "ingest") as front:
            workers = [ServedRoles(database, "detect", env) for _ in range(WORKERS)]
            try:
                for worker in workers:
                    worker.start()
                kills = self.judge_under_fire(chance, runs, front, workers)
                took = self.wait_judged(database, len(runs))
                print("%d kills; all was judged %.1f s after the last one" % (kills, took))
                self.check_once(database, len(runs))
                among_kills = database.rows(FOUND), database.rows(JUDGED)
            finally:
                for worker in workers:
                    worker.discard()
            self.start_anew(database)
            with ServedRoles(database, "detect", {**env, "DETECTOR_CONCURRENCY": "1"}):
                self.wait_judged(database, len(runs))
            self.check_once(database, len(runs))
            alone = database.rows(FOUND), database.rows(JUDGED)
        self.assertGreater(len(alone[0]), RUNS // 10, "there is something to find")
        for what, expected, actual in zip(("signals", "verdicts"), alone, among_kills):
            odd = sorted(set(expected) ^ set(actual))
            self.assertEqual(odd[:6], [], "%d %s differ from those of one worker" % (len(odd), what))
            self.assertEqual(len(expected), len(actual))

    def judge_under_fire(self, chance, runs, front, workers):
        """Sends the runs over SECONDS; meanwhile every second another process dies and is started again."""
        batches = list(arrivals(chance, runs))
        done = threading.Event()

        def send():
            try:
                begin = time.monotonic()
                for number, batch in enumerate(batches):
                    done.wait(max(0.0, begin + SECONDS * number / len(batches) - time.monotonic()))
                    front.post(batch)
            finally:
                done.set()

        sender = threading.Thread(target=send)
        sender.start()
        kills = 0
        while not done.wait(1.0):  # the rhythm of the kills itself
            victim = workers[kills % len(workers)]
            victim.kill()
            kills += 1
            victim.start()
        sender.join()
        workers[kills % len(workers)].kill()  # one stays away: the others take what it held
        return kills + 1

    def wait_judged(self, database, runs):
        begin = time.monotonic()

        def judged():
            return database.value("SELECT count(*) FROM runs") == str(runs) and database.value(LEFT) == "0"
        wait_until(judged, GIVEN_BACK_S + SECONDS, lambda: "no run waits; left: %s" % database.value(LEFT))
        return time.monotonic() - begin

    def check_once(self, database, runs):
        counts = database.rows("SELECT count(*), count(DISTINCT run_id) FROM processed_runs")
        self.assertEqual(counts, [(str(runs), str(runs))])
        wrong = database.rows("SELECT p.run_id, p.signal_count, count(s.id) FROM processed_runs p LEFT JOIN failure_signals s "
                              "ON s.customer_id = p.customer_id AND s.run_id = p.run_id AND s.withdrawn_at IS NULL "
                              "GROUP BY 1, 2, p.customer_id HAVING p.signal_count <> count(s.id)")
        self.assertEqual(wrong, [], "runs whose count is not what was found")
        self.assertEqual(database.value("SELECT count(*) FROM runs WHERE claim IS NOT NULL"), "0")
        incomplete = database.rows("SELECT run_id, incomplete FROM processed_runs WHERE incomplete <> '[]' LIMIT 3")
        self.assertEqual(incomplete, [])

    def start_anew(self, database):
        database.rows("UPDATE runs SET judged_events = 0, claim = NULL, claimed_until = NULL")
        database.rows("TRUNCATE failure_signals, processed_runs, issues, run_samples, agent_judgements")


if __name__ == "__main__":
    unittest.main()
