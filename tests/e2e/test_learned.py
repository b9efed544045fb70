"""One agent, hundreds of runs, one after the other: the host judges each by what it has learned from those before."""
import random
import unittest

from harness import Host
from learned_runs import differences, fired_by_habit, run_of_habit, wait_all_judged, watch
from random_runs import generate

RUNS = 530
SEED = 11


class OneAgent(unittest.TestCase):
    def test_every_run_is_judged_by_those_before_it(self):
        rng = random.Random(SEED)
        runs = {"habit-%d" % n: run_of_habit(rng, "habit-%d" % n, "creature", "v1") for n in range(RUNS)}
        with Host(stall_timeout_secs=1) as host:
            used = self.judge(host, rng, runs)
            self.assertGreater(sum(len(baselines) == 5 for baselines in used.values()), RUNS / 2)
            fired = fired_by_habit(host)
            print("found by what was learned: %s" % dict(fired))
            for failure_type in ("STEP_COUNT_INFLATION", "SLOW_STEP", "CONTEXT_BLOAT", "REASONING_STALL"):
                self.assertGreater(fired[failure_type], 0, failure_type)
            kept = int(host.sql_rows("SELECT count(*) FROM run_samples")[0][0])
            self.assertLess(kept, 300, "old samples are removed")

    def test_whatever_the_runs_look_like(self):
        runs = {}
        for run in generate(SEED, RUNS, agents=1):
            if "timestamp" not in run.events[0]:
                continue  # the server's times are not known here
            for event in run.events:
                event.update(agent_id="chaos", agent_version="v1")
            runs[run.run_id] = run.events
        with Host(stall_timeout_secs=1) as host:
            self.judge(host, random.Random(SEED), runs)
            print("found by what was learned: %s" % dict(fired_by_habit(host)))

    def judge(self, host, rng, runs):
        watch(host)
        ids = list(runs)
        while ids:
            some = [ids.pop(0) for _ in range(min(len(ids), rng.choice([1, 1, 2, 5, 9])))]
            host.post([event for run_id in some for event in runs[run_id]])
        wait_all_judged(host, runs, 240)
        found, used, _ = differences(host, runs)
        self.assertEqual(found[:20], [], "%d differences, seed %d" % (len(found), SEED))
        return used


if __name__ == "__main__":
    unittest.main()
