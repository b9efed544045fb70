"""One agent, hundreds of runs, one after the other: the host judges each by what it has learned from those before."""
import json
import os
import random
import unittest

from harness import Host, run_dunetrace
from learned_runs import differences, fired_by_habit, run_of_habit, wait_all_judged, watch
from random_runs import generate
from reference import evaluate

RUNS = 530
SEED = int(os.environ.get("DUNETRACE_E2E_SEED", "11"))


class OneAgent(unittest.TestCase):
    def test_every_run_is_judged_by_those_before_it(self):
        rng = random.Random(SEED)
        runs = {"habit-%d" % n: run_of_habit(rng, "habit-%d" % n, "creature", "v1") for n in range(RUNS)}
        with Host(stall_timeout_secs=1) as host:
            history = self.judge(host, rng, runs)
            self.assertGreater(sum(len(baselines) == 5 for baselines in history.used.values()), RUNS / 2)
            fired = fired_by_habit(host)
            print("found by what was learned: %s" % dict(fired))
            for failure_type in ("STEP_COUNT_INFLATION", "SLOW_STEP", "CONTEXT_BLOAT", "REASONING_STALL"):
                self.assertGreater(fired[failure_type], 0, failure_type)
            kept = int(host.sql_rows("SELECT count(*) FROM run_samples")[0][0])
            self.assertLess(kept, 300, "old samples are removed")
            self.back_test(host, runs, history.agents["creature"])

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
        found, history = differences(host, runs)
        self.assertEqual(found[:20], [], "%d differences, seed %d" % (len(found), SEED))
        return history

    def back_test(self, host, runs, learned):
        """Recorded runs are judged with what is usual today."""
        code, out, errors = run_dunetrace("backtest", "--json", "--since", "1d", data_dir=host.data_dir)
        self.assertEqual(code, 0, errors)
        fires = {row["failure_type"]: row["current"]["fires"] for row in json.loads(out)["detectors"]}
        expected = dict.fromkeys(fires, 0)
        for run_id, events in runs.items():
            for failure_type in evaluate(events, learned.baselines(run_id, "v1")).signals:
                expected[failure_type] += 1
        self.assertEqual(fires, expected)


if __name__ == "__main__":
    unittest.main()
