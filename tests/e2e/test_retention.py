"""Events older than EVENT_RETENTION_DAYS: what the command and the host do, and what is left of a run."""
import unittest

from harness import Host, run_dunetrace, wait_until

AGED = ("UPDATE events SET received_at = received_at - interval '40 days' WHERE run_id = '%s'; "
        "UPDATE runs SET first_received_at = first_received_at - interval '40 days', "
        "last_received_at = last_received_at - interval '40 days' WHERE run_id = '%s'; SELECT place_stray_events(1000)")
PARTITION = "SELECT 'events_' || to_char(now() AT TIME ZONE 'UTC' - interval '40 days', 'YYYYMMDD')"


def loop_events(run_id):
    base = {"run_id": run_id, "agent_id": "keeper", "agent_version": "v1"}
    events = [{**base, "event_type": "run.started", "step_index": 0, "timestamp": 1767225600, "payload": {"tools": ["search"]}}]
    for step in range(1, 6):
        events.append({**base, "event_type": "tool.called", "step_index": step, "timestamp": 1767225600 + step,
                       "payload": {"tool_name": "search", "args_hash": "3b7b5a17b6341261"}})
    return events + [{**base, "event_type": "run.completed", "step_index": 6, "timestamp": 1767225607,
                      "payload": {"exit_reason": "final_answer"}}]


def late_event(run_id, step):
    return {"run_id": run_id, "agent_id": "keeper", "agent_version": "v1", "event_type": "llm.called", "step_index": step,
            "timestamp": 1767225700 + step, "payload": {"model": "m"}}


class Retention(unittest.TestCase):
    def setUp(self):
        self.host = self.enterContext(Host())

    def command(self, *arguments, **env):
        return run_dunetrace("retention", *arguments, data_dir=self.host.data_dir, env=env)

    def judged_and_aged(self, run_id):
        self.host.post(loop_events(run_id))
        wait_until(lambda: self.host.judged(run_id), 30, "the run is judged", self.host.log_tail)
        self.host.sql_rows(AGED % (run_id, run_id))
        return self.host.sql_rows(PARTITION)[0][0]

    def partitions(self):
        return {row[0] for row in self.host.sql_rows("SELECT name FROM event_partition_bounds()")}

    def test_a_run_outlives_its_events(self):
        partition = self.judged_and_aged("old")
        before = self.host.run("old")
        self.assertEqual((before["events_removed"], before["event_retention_days"], len(before["events"])), (False, None, 7))
        self.assertEqual([signal["failure_type"] for signal in before["signals"]], ["TOOL_LOOP"])

        code, out, err = self.command("run", "--dry-run")
        self.assertEqual(code, 0, err)
        self.assertRegex(out, r"(?m)^%s  \d{4}-\d\d-\d\d  about \d+ rows  \d+ kB  would be dropped$" % partition)
        self.assertIn("would drop 1 of 1 partition older than 30 days", out)
        self.assertIn(partition, self.partitions(), "a dry run drops nothing")
        self.assertEqual(len(self.host.run("old")["events"]), 7)

        code, out, err = self.command("run")
        self.assertEqual(code, 0, err)
        self.assertIn("dropped 1 of 1 partition older than 30 days", out)
        self.assertNotIn(partition, self.partitions())
        self.assertEqual(self.command("run")[1], "no partition is older than 30 days\n")

        after = self.host.run("old")
        self.assertEqual((after["events"], after["events_removed"], after["event_retention_days"]), ([], True, 30))
        for name in ("signals", "exit_reason", "run_exit_reason", "step_count", "event_count", "model", "started_at"):
            self.assertEqual(after[name], before[name], name)
        self.assertEqual(self.host.processed("keeper"), 1)

        for step in (7, 8):  # late events: the second one for a run that the first one did not bring back
            self.host.post([late_event("old", step)])
            wait_until(lambda: self.host.sql_rows("SELECT event_count || ' ' || judged_events FROM runs WHERE run_id = 'old'")
                       == [("%d %d" % (step + 1, step + 1),)], 30, "the late event is seen", self.host.log_tail)
        late = self.host.run("old")
        self.assertEqual(late["signals"], before["signals"])
        self.assertEqual((late["events_removed"], len(late["events"])), (True, 2))

    def test_the_host_does_it_by_itself(self):
        partition = self.judged_and_aged("old")
        self.host.stop()
        self.host.start()
        wait_until(lambda: partition not in self.partitions(), 30, "the partition is dropped", self.host.log_tail)
        status, _, body = self.host.connection("api").send("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertIn("dunetrace_retention_dropped_partitions_total 1", body.decode())

    def test_for_ever(self):
        partition = self.judged_and_aged("old")
        self.host.stop()
        self.host._settings["EVENT_RETENTION_DAYS"] = "0"
        self.host.start()
        code, out, err = self.command("run", EVENT_RETENTION_DAYS="0")
        self.assertEqual((code, out.startswith("EVENT_RETENTION_DAYS is 0")), (0, True), out + err)
        code, out, err = self.command("status", EVENT_RETENTION_DAYS="0")
        self.assertEqual(code, 0, err)
        self.assertIn("none, events are kept for ever", out)
        self.assertIn(partition, self.partitions())
        self.assertIn("dropped 1 of 1", self.command("run", "--days", "39", EVENT_RETENTION_DAYS="0")[1])

    def test_what_is_not_judged_is_held(self):
        self.host.post(loop_events("open")[:-1])  # never ends, so it waits for the stall time
        wait_until(lambda: self.host.sql_rows("SELECT 1 FROM runs"), 30, "the events are stored", self.host.log_tail)
        self.host.sql_rows("UPDATE runs SET claimed_until = now() + interval '1 hour', claim = gen_random_uuid()")
        self.host.sql_rows(AGED % ("open", "open"))
        code, out, err = self.command("run")
        self.assertEqual(code, 0, err)
        self.assertIn("kept: 1 run in it is not judged yet", out)
        self.assertIn("dropped 0 of 1 partition", out)
        self.assertIn("kept: 1 run in it is not judged yet", self.command("status")[1])

    def test_status_and_wrong_words(self):
        partition = self.judged_and_aged("old")
        code, out, err = self.command("status")
        self.assertEqual(code, 0, err)
        for words in ("limit       30 days", "partitions  10,", "made until", "last look", partition, "due"):
            self.assertIn(words, out)
        for arguments, words in ((("run", "--days", "0"), "--days"), (("run", "--days", "x"), "--days"), (("run", "now"), "now"),
                                 ((), "subcommand")):
            code, _, err = self.command(*arguments)
            self.assertEqual(code, 2, err)
            self.assertIn(words, err)
        code, _, err = self.command("run", EVENT_RETENTION_DAYS="-1")
        self.assertEqual(code, 2)
        self.assertIn("EVENT_RETENTION_DAYS", err)
        code, _, err = self.command("run", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
        self.assertEqual(code, 1)
        self.assertIn("database", err)
        for words in ("--dry-run", "--days"):
            self.assertIn(words, self.command("run", "--help")[1])


if __name__ == "__main__":
    unittest.main()
