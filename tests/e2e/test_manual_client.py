"""An existing client works unchanged: the manual TypeScript client of spec wire.md 9.1 against the running host."""
import json
import pathlib
import shutil
import subprocess
import unittest

from compare import compare_run
from harness import Host
from reference_replay import hash16

HERE = pathlib.Path(__file__).resolve().parent
EXPECTED = {  # failure types by scenario; everything else about the signals comes from the reference
    "loop": {"TOOL_LOOP"}, "failing_tool": {"RETRY_STORM"}, "caller_omits_lengths": {"EMPTY_LLM_RESPONSE", "FIRST_STEP_FAILURE"},
    "tokens_known_but_no_length": set(), "no_final_answer": {"GOAL_ABANDONMENT"}, "throws_after_the_answer": set(),
    "retrieval_without_score": {"RAG_EMPTY_RETRIEVAL"}}


@unittest.skipUnless(shutil.which("node"), "node is not installed, and the client is JavaScript")
class ManualClient(unittest.TestCase):
    def test_every_quirk_is_coped_with(self):
        with Host(stall_timeout_secs=1) as host:
            done = subprocess.run(["node", HERE / "manual_client_scenarios.mjs", "http://127.0.0.1:%d" % host.ports["ingest"]],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            posts = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual({p["scenario"] for p in posts}, set(EXPECTED))
            for post in posts:
                self.assertEqual((post["status"], post["headers"]), (202, ["Content-Type"]), post)
            self.check_quirks(posts)
            host.wait_processed({"manual-client": len(posts)}, timeout_s=30)
            self.check_runs(host, posts)

    def check_quirks(self, posts):
        """The client under test is the one described, or the test proves nothing."""
        events = {p["scenario"]: p["body"]["events"] for p in posts}
        for of_run in events.values():
            steps = [e["step_index"] for e in of_run if e["event_type"] != "run.errored"]
            self.assertEqual(steps, list(range(len(steps))))
            self.assertNotIn("parent_run_id", of_run[0])
        answer, error = events["throws_after_the_answer"][-2:]
        self.assertEqual((answer["payload"]["total_steps"], answer["step_index"]), (2, 3))
        self.assertEqual((error["event_type"], error["step_index"], error["payload"]), ("run.errored", 5, {"error_type": "TypeError"}))
        self.assertEqual(events["caller_omits_lengths"][0]["agent_version"], "unknown")
        self.assertEqual(events["retrieval_without_score"][3]["payload"],
                         {"signal_name": "rate_limit", "source": "openai", "region": "eu", "retry_after": 3})

    def check_runs(self, host, posts):
        found = []
        for post in posts:
            events = post["body"]["events"]
            run_id, scenario = events[0]["run_id"], post["scenario"]
            differences, detail = compare_run(host, run_id, events)
            found += ["[%s] %s" % (scenario, d) for d in differences]
            self.assertEqual({s["failure_type"] for s in detail["signals"]}, EXPECTED[scenario], scenario)
            self.check_privacy(detail, events)
            if scenario == "no_final_answer":
                self.assertEqual((detail["exit_reason"], detail["run_exit_reason"]), ("stalled", None))
            if scenario == "throws_after_the_answer":
                self.assertEqual((detail["exit_reason"], detail["run_exit_reason"]), ("completed", "error"))
        self.assertEqual(found, [])

    def check_privacy(self, detail, sent):
        """Base64 is no hash: what could be turned back into arguments or error texts is not stored."""
        shown = json.dumps(detail)
        for event in sent:
            for member in ("args_hash", "error_hash"):
                original = event["payload"].get(member)
                if original is not None:
                    self.assertNotIn(original, shown)
                    self.assertIn(hash16(original), shown)


if __name__ == "__main__":
    unittest.main()
