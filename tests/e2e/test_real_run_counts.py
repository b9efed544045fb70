"""What the detectors find in recorded runs of real agents stays what it was (tests/golden/real_runs.txt).

A change that is meant is written down with: python3 tests/e2e/real_run_counts.py --update
"""
import unittest

from real_run_counts import DATA, FILES, count, present, read_table


class RealRunCounts(unittest.TestCase):
    def test_every_detector_fires_on_as_many_runs_as_the_table_says(self):
        names = present()
        if not names:
            self.skipTest("no recorded runs at %s (set DUNETRACE_REAL_RUNS to their folder)" % DATA)
        table = read_table()
        self.assertEqual(set(table), set(FILES))
        for name in names:
            with self.subTest(name):
                self.assertEqual(count(name), table[name], "if this is meant: python3 tests/e2e/real_run_counts.py --update")


if __name__ == "__main__":
    unittest.main()
