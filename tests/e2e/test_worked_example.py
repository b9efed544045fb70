"""The worked example of spec wire.md 16, posted with curl as a user would: one signal, at once, explained."""
import json
import subprocess
import tempfile
import time
import unittest

from harness import Host, wait_until
from run_builder import RunBuilder
from wire_text import batch_body

# The promise is one second on an idle machine; the limit only tells a slow machine from a lost signal.
SIGNAL_LIMIT_S = 5


def worked_example():
    run = RunBuilder("r-1", "my-ts-agent", "gpt-4o", numbering="manual").start(tools=["web_search"])
    for tokens in (200, 250, 300, 350, 400):
        run.llm(tokens, finish_reason="tool_calls", output_length=0, completion_tokens=0, latency_ms=0)
        run.tool("web_search", args_hash="eyJxdWVyeSI6InNhbWUgcXVlcnkgZXZlcnkgdGltZSJ9", latency_ms=0)
    run.complete("final_answer")
    run.events[-1]["payload"]["total_steps"] = 20
    return run.events


def post_with_curl(port, body):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(body)
        file.flush()
        done = subprocess.run(["curl", "-sS", "-w", "\n%{http_code}", "-H", "Content-Type: application/json",
                               "--data-binary", "@" + file.name, "http://127.0.0.1:%d/v1/ingest" % port],
                              capture_output=True, text=True, timeout=30, check=True)
    text, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(text)


class WorkedExample(unittest.TestCase):
    def test_one_signal_at_once(self):
        events = worked_example()
        with Host() as host:
            posted_at = time.monotonic()
            status, answer = post_with_curl(host.ports["ingest"], batch_body(events))
            self.assertEqual((status, answer["accepted"]), (202, 22))
            self.assertEqual(set(answer), {"accepted", "batch_id", "queued_at"})
            detail = wait_until(lambda: host.judged("r-1"), SIGNAL_LIMIT_S, "the run is judged", host.log_tail)
            print("signal visible %.0f ms after the post began" % ((time.monotonic() - posted_at) * 1000))
            self.check_signal(detail)
            listed = list(host.pages("my-ts-agent", "signals"))
            self.assertEqual([(s["run_id"], s["failure_type"]) for s in listed], [("r-1", "TOOL_LOOP")])
            runs = list(host.pages("my-ts-agent", "runs"))
            self.assertEqual([(r["run_id"], r["exit_reason"], r["step_count"], r["signal_count"], r["model"]) for r in runs],
                             [("r-1", "completed", 21, 1, "gpt-4o")])
            self.check_page(host)

    def check_signal(self, detail):
        self.assertEqual((detail["run_exit_reason"], detail["step_count"], len(detail["events"])), ("final_answer", 21, 22))
        self.assertEqual(len(detail["signals"]), 1, detail["signals"])
        signal = detail["signals"][0]
        self.assertEqual((signal["failure_type"], signal["severity"], signal["confidence"], signal["step_index"],
                          signal["co_signal_count"], signal["shadow"]), ("TOOL_LOOP", "HIGH", 0.7667, 19, 0, False))
        evidence = signal["evidence"]
        self.assertEqual((evidence["wasted_tokens"], evidence["count"], evidence["first_step"], evidence["last_step"]),
                         (1300, 5, 3, 19))
        for text in ("title", "what", "why_it_matters", "evidence_summary"):
            self.assertGreater(len(signal[text]), 10, signal)
        self.assertIn("web_search", signal["title"])
        self.assertIn("76", signal["evidence_summary"])
        self.assertIn(len(signal["suggested_fixes"]), (1, 2, 3))
        for fix in signal["suggested_fixes"]:
            self.assertEqual(set(fix), {"description", "language", "code"})
        self.assertNotIn("eyJ", json.dumps(detail), "the reversible arguments were stored")

    def check_page(self, host):
        """The third port serves a page."""
        status, headers, body = host.connection("dashboard").send("GET", "/")
        self.assertEqual((status, headers.get_content_type()), (200, "text/html"))
        self.assertIn(b"<html", body)


if __name__ == "__main__":
    unittest.main()
