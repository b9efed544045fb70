"""Commands beside a running `dunetrace up`: they find its database, and say both ways when there is none."""
import pathlib
import shutil
import unittest

from harness import Host, make_data_dir, run_dunetrace

COMMANDS = (("keys", "list"), ("dead-letters", "list"), ("plugins", "enable", "tool_loop"), ("backtest", "--config", "c.yml"))


class OwnDatabase(unittest.TestCase):
    def setUp(self):
        self.data_dir = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, self.data_dir, ignore_errors=True)
        (self.data_dir / "c.yml").write_text("default:\n  tool_loop: { threshold: 4 }\n")

    def run_command(self, *arguments, data_dir=None, **env):
        return run_dunetrace(*arguments, data_dir=data_dir or self.data_dir, env=env)

    def assert_asks_for_both_ways(self, *reasons):
        before = sorted(self.data_dir.rglob("*"))
        for arguments in COMMANDS:
            with self.subTest(arguments):
                code, _, errors = self.run_command(*arguments)
                self.assertEqual((code, len(errors.strip().splitlines())), (2, 1), errors)
                for said in ("DATABASE_URL", "`dunetrace up`", "DUNETRACE_DATA_DIR", *reasons):
                    self.assertIn(said, errors)
        code, out, _ = self.run_command("plugins", "list")
        self.assertEqual(code, 0)
        self.assertIn("whether something is quarantined is unknown", out)
        self.assertIn("DATABASE_URL", out)
        self.assertEqual(sorted(self.data_dir.rglob("*")), before, "looking makes nothing")

    def test_the_server_of_the_host_that_runs_is_used_and_no_other(self):
        self.assert_asks_for_both_ways("postgres")
        with Host(data_dir=self.data_dir):
            code, key, errors = self.run_command("keys", "create", "--customer", "acme")
            self.assertEqual(code, 0, errors)
            self.assertTrue(key.startswith("dt_live_"), key)
            self.assertIn("acme", self.run_command("keys", "list")[1])
            self.assertEqual(self.run_command("dead-letters", "list")[:2], (0, "no dead letters\n"))
            self.assertIn("is not quarantined; none is", self.run_command("plugins", "enable", "tool_loop")[2])
            code, out, _ = self.run_command("plugins", "list")
            self.assertRegex(out, r"tool_loop +detector +live +in_process +\S+ +0 ")
            self.assertNotIn("unknown", out)
            self.assertEqual(self.run_command("backtest", "--config", "c.yml")[0], 0)
            code, _, errors = self.run_command("keys", "list", DATABASE_URL="host=%s user=dunetrace connect_timeout=2" % self.data_dir)
            self.assertEqual(code, 1, "DATABASE_URL wins: " + errors)
            code, _, errors = self.run_command("serve", "--roles", "ingest")
            self.assertEqual(code, 2, "a second host is no command beside the first one")
            self.assertIn("serve needs DATABASE_URL", errors)
        self.assert_asks_for_both_ways("none runs in %s" % self.data_dir)


if __name__ == "__main__":
    unittest.main()
