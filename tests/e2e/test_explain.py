"""dunetrace explain: a stored signal in words, the same ones as the API's."""
import json
import unittest

from harness import Host, run_dunetrace, wait_until


class Explain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = cls.enterClassContext(Host())
        base = {"run_id": "r-1", "agent_id": "shop", "agent_version": "v1"}
        cls.host.post([{**base, "event_type": "run.started", "step_index": 0},
                       {**base, "event_type": "tool.called", "step_index": 1, "payload": {"tool_name": "<!channel> `pay`\u001b[31m"}},
                       {**base, "event_type": "tool.responded", "step_index": 1,
                        "payload": {"tool_name": "<!channel> `pay`\u001b[31m", "success": False}},
                       {**base, "event_type": "run.completed", "step_index": 2}])
        wait_until(lambda: cls.host.judged("r-1"), 30, "the run is judged", cls.host.log_tail)
        cls.signal = next(cls.host.pages("shop", "signals"))

    def explain(self, *arguments, env=None):
        return run_dunetrace("explain", *arguments, data_dir=self.host.data_dir, env=env)

    def test_text(self):
        code, out, err = self.explain(str(self.signal["id"]))
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(out.startswith(self.signal["title"] + "\n\n"), out)
        for words in (self.signal["what"], self.signal["why_it_matters"], self.signal["evidence_summary"], "FIRST_STEP_FAILURE",
                      "run       r-1, step 1", "agent     shop v1, customer dev_customer", "by first_step_failure"):
            self.assertIn(words, out)
        for number, fix in enumerate(self.signal["suggested_fixes"], 1):
            self.assertIn("%d. %s (%s)" % (number, fix["description"], fix["language"]), out)
            self.assertIn("    " + fix["code"].splitlines()[0], out)
        self.assertNotIn("\u001b", out)
        self.assertEqual(out, self.explain(str(self.signal["id"]))[1])

    def test_json_is_the_object_of_the_list(self):
        code, out, err = self.explain(str(self.signal["id"]), "--json")
        self.assertEqual((code, err), (0, ""))
        found = json.loads(out)
        self.assertEqual({name: found.pop(name) for name in ("customer_id", "withdrawn_at")},
                         {"customer_id": "dev_customer", "withdrawn_at": None})
        self.assertEqual(found, self.signal)

    def test_a_type_that_nobody_explains_any_more(self):
        number = self.host.sql_rows(
            "INSERT INTO failure_signals (customer_id, failure_type, severity, run_id, agent_id, agent_version, step_index, "
            "confidence, evidence, shadow, detector_id, detector_version, withdrawn_at) VALUES ('c', 'LOST_IN_SPACE', 'LOW', "
            "'r', 'a', 'v', 4, 0.5, '{\"planet\": \"Mars\"}', true, 'gone', '0.9', now()) RETURNING id")[0][0]
        code, out, err = self.explain(number)
        self.assertEqual(code, 0, err)
        self.assertTrue(out.startswith("Lost in space at step 4\n"), out)
        for words in ("Planet: Mars", "Confidence: 50%", "(in shadow)", "withdrawn ", "by gone 0.9", "Inspect the run's events"):
            self.assertIn(words, out)
        self.assertIn("no loaded plugin explains LOST_IN_SPACE", err)
        self.assertIsNotNone(json.loads(self.explain(number, "--json")[1])["withdrawn_at"])

    def test_without_plugins(self):
        code, out, err = self.explain(str(self.signal["id"]), env={"DUNETRACE_PLUGIN_DIR": "/nowhere"})
        self.assertEqual(code, 0, err)
        self.assertIn("First step failure at step 1", out)
        self.assertIn("/nowhere", err)

    def test_errors(self):
        for arguments, code, words in ((("987654321",), 2, "signal 987654321 does not exist"), (("0",), 2, "SIGNAL_ID"),
                                       (("-3",), 2, "-3"), (("abc",), 2, "SIGNAL_ID"), ((), 2, "SIGNAL_ID"),
                                       (("1", "2"), 2, "2"), (("99999999999999999999",), 2, "SIGNAL_ID")):
            with self.subTest(arguments):
                found, out, err = self.explain(*arguments)
                self.assertEqual((found, out), (code, ""), err)
                self.assertIn(words, err)
        found, _, err = self.explain("1", env={"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"})
        self.assertEqual(found, 1)
        self.assertIn("database", err)
        for words in ("SIGNAL_ID", "--json"):
            self.assertIn(words, self.explain("--help")[1])


if __name__ == "__main__":
    unittest.main()
