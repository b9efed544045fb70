"""Runs that go on too long: 100,000 events judged within limits, and runs that stall and go on."""
import pathlib
import threading
import unittest

from harness import Host, HttpError, wait_until
from run_builder import RunBuilder

EVENTS = 100_000
BATCH = 500
PEAK_MIB = 400  # of the host: all roles, while it takes in and judges the run


def peak_mib(host):
    status = pathlib.Path("/proc/%d/status" % host.process.pid).read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def post_in_batches(host, events):
    for begin in range(0, len(events), BATCH):
        try:
            host.post(events[begin:begin + BATCH])
        except HttpError as error:
            if error.status != 503:
                raise
            wait_until(lambda: host.post_text("[]")[0] != 503, 30, "there is room again")
            host.post(events[begin:begin + BATCH])


class LongRuns(unittest.TestCase):
    def test_an_enormous_run_is_judged_in_part_and_says_so(self):
        run = RunBuilder("enormous", "long").start(tools=["search"])
        for _ in range((EVENTS - 12) // 2):
            run.llm(finish_reason="stop")
        for _ in range(5):
            run.tool("search")  # beyond what is looked at
        run.complete("final_answer")
        short = [RunBuilder("short-%d" % n, "short").start() for n in range(50)]
        for each in short:
            for _ in range(5):
                each.tool("search")
            each.complete("final_answer")
        with Host() as host:
            half = len(run.events) // 2
            post_in_batches(host, run.events[:half])
            sender = threading.Thread(target=post_in_batches, args=(host, run.events[half:]))
            sender.start()
            post_in_batches(host, [event for each in short for event in each.events])
            host.wait_processed({"short": len(short)}, timeout_s=60)
            sender.join()
            detail = wait_until(lambda: host.judged("enormous"), 60, "the enormous run is judged", host.log_tail)
            self.assertEqual((detail["truncated"], detail["exit_reason"], detail["run_exit_reason"], detail["event_count"]),
                             (True, "completed", "final_answer", len(run.events)))
            self.assertEqual(detail["incomplete"], [])
            self.assertNotIn("TOOL_LOOP", [signal["failure_type"] for signal in detail["signals"]])
            self.assertFalse(host.run("short-0")["truncated"])
            self.assertLess(peak_mib(host), PEAK_MIB)

    def test_a_run_that_stalled_is_judged_again_when_it_goes_on(self):
        run = RunBuilder("sleeper", "stalling").start(tools=["search"])
        run.tool("search")
        for _ in range(4):
            run.llm(finish_reason="stop")
        with Host(stall_timeout_secs=1) as host:
            host.post(run.events)

            def types(detail):
                return [signal["failure_type"] for signal in detail["signals"]]

            stalled = wait_until(lambda: host.judged("sleeper"), 30, "it has stalled", host.log_tail)
            self.assertEqual(stalled["exit_reason"], "stalled")
            self.assertIn("GOAL_ABANDONMENT", types(stalled))
            sent = len(run.events)
            run.complete("final_answer")
            host.post(run.events[sent:])
            detail = wait_until(lambda: (lambda d: d if d["exit_reason"] == "completed" else None)(host.run("sleeper")), 30,
                                "it is judged again", host.log_tail)
            self.assertEqual(detail["run_exit_reason"], "final_answer")
            self.assertNotIn("GOAL_ABANDONMENT", types(detail))
            kept = host.sql_rows("SELECT withdrawn_at IS NOT NULL FROM failure_signals WHERE run_id = 'sleeper' "
                                 "AND failure_type = 'GOAL_ABANDONMENT'")
            self.assertEqual(kept, [("t",)], "kept, and marked as withdrawn")
            self.assertEqual(host.sql_rows("SELECT count(*) FROM processed_runs WHERE run_id = 'sleeper'"), [("1",)])


if __name__ == "__main__":
    unittest.main()
