"""Recorded runs of real agents, posted as they are: all processed, none lost, none twice, judged as the
reference does with what was learned from those before.

The recordings are not part of the repository; without them these tests are skipped and say so.
"""
import unittest

from harness import Host
from learned_runs import differences, watch
from post_real_runs import DATA, post_and_verify, read_runs, table


class RealRuns(unittest.TestCase):
    def check(self, name, expected_runs):
        path = DATA / name
        if not path.exists():
            self.skipTest("no recorded runs at %s (set DUNETRACE_REAL_RUNS to their folder)" % path)
        runs = read_runs(path)
        self.assertEqual(len(runs), expected_runs)
        with Host(stall_timeout_secs=2) as host:
            watch(host)
            problems, details = post_and_verify(host, runs)
            print(table(runs, details))
            self.assertEqual(problems[:20], [])
            found, _ = differences(host, {run["run_id"]: run["events"] for run in runs}, details)
            self.assertEqual(found[:20], [], "%d differences" % len(found))

    def test_tau_airline(self):
        self.check("tau-airline.ndjson.gz", 200)

    def test_intercode_bash(self):
        self.check("intercode-bash.ndjson.gz", 1802)


if __name__ == "__main__":
    unittest.main()
