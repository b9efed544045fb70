"""Thousands of random runs through the running host: what it finds equals the independent implementation.

DUNETRACE_E2E_RUNS (3000) and DUNETRACE_E2E_SEED (1) choose how many and which; a failure prints both.
"""
import collections
import os
import random
import threading
import unittest

from compare import compare_listed_signals, compare_run
from harness import Host
from random_runs import generate, in_batches
from reference import FAILURE_TYPES, evaluate

SEED = int(os.environ.get("DUNETRACE_E2E_SEED", "1"))
RUNS = int(os.environ.get("DUNETRACE_E2E_RUNS", "3000"))
THREADS = 4
WORST_SHOWN = 40


def post_all(host, runs, seed):
    """Posts from several threads; all batches of a run come from one. Gives for each run the cuts between its batches."""
    cuts, failures = collections.defaultdict(list), []

    def work(number):
        sent = collections.Counter()
        try:
            for batch in in_batches(random.Random("%d/%d" % (seed, number)), runs[number::THREADS]):
                host.post([event for _, event in batch])
                for run in {owner.run_id: owner for owner, _ in batch}.values():
                    sent[run.run_id] += sum(1 for owner, _ in batch if owner is run)
                    cuts[run.run_id].append(sent[run.run_id])
        except BaseException as failure:  # an assertion in a thread must fail the test, not only the thread
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return cuts


class RandomRuns(unittest.TestCase):
    def test_signals_equal_the_reference(self):
        runs = list(generate(SEED, RUNS))
        by_agent = collections.defaultdict(list)
        for run in runs:
            by_agent[run.agent_id].append(run)
        with Host(stall_timeout_secs=1) as host:
            cuts = post_all(host, runs, SEED)
            host.wait_processed({agent: len(of) for agent, of in by_agent.items()}, timeout_s=60 + RUNS / 20)
            found, wrong_runs = [], 0
            for agent, of in by_agent.items():
                details = {}
                for run in of:
                    earlier = [run.events[:cut] for cut in cuts[run.run_id][:-1]]
                    differences, details[run.run_id] = compare_run(host, run.run_id, run.events, earlier)
                    wrong_runs += bool(differences)
                    found += ["[%s] %s" % (run.scenario, d) for d in differences]
                    if wrong_runs >= 10:
                        break
                if wrong_runs >= 10:
                    break
                found += compare_listed_signals(host, agent, details)
                self.assertEqual(sorted(r["run_id"] for r in host.pages(agent, "runs")), sorted(details), agent)
            counts = collections.Counter(t for run in runs for t in evaluate(run.events).signals)
            print("seed %d, %d runs, signals: %s" % (SEED, RUNS, dict(counts)))
            # Steps have no static threshold, and no agent here has a history: see test_judgements.py.
            silent = set(FAILURE_TYPES) - counts.keys() - {"STEP_COUNT_INFLATION"}
            self.assertEqual(silent if RUNS >= 1000 else set(), set(), "never fired")
            if found:
                self.fail("seed %d, %d runs: at least %d runs differ\n%s\n%s" % (
                    SEED, RUNS, wrong_runs, "\n".join(found[:WORST_SHOWN]), host.log_tail()))


if __name__ == "__main__":
    unittest.main()
