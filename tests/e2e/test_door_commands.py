"""dunetrace spool, dead-letters and keys as an operator uses them, beside a running host and without one."""
import json
import pathlib
import shutil
import time
import unittest

from harness import Host, make_data_dir, run_dunetrace, wait_until
from wire_rules import batch, event


class Commands(unittest.TestCase):
    def setUp(self):
        self.data_dir = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, self.data_dir, ignore_errors=True)

    def run_command(self, *arguments, code=0):
        done = run_dunetrace(*arguments, data_dir=self.data_dir)
        self.assertEqual(done[0], code, done)
        return done[1], done[2]

    def lines(self, *arguments, code=0):
        return [json.loads(line) for line in self.run_command(*arguments, code=code)[0].splitlines()]


class Help(Commands):
    def test_every_command_explains_itself(self):
        for arguments in (["spool"], ["spool", "status"], ["spool", "verify"], ["spool", "export"], ["dead-letters"], ["dead-letters", "list"],
                          ["dead-letters", "retry"], ["dead-letters", "drop"], ["keys"], ["keys", "create"], ["keys", "list"], ["keys", "revoke"]):
            out, errors = self.run_command(*arguments, "--help")
            self.assertIn("OPTIONS", out.upper(), arguments)
            self.assertEqual(errors, "")
        for arguments in (["spool"], ["spool", "nonsense"], ["spool", "export", "--nonsense"], ["dead-letters"], ["keys"], ["keys", "create"], ["keys", "revoke"]):
            out, errors = self.run_command(*arguments, code=2)
            self.assertEqual((out, len(errors.splitlines())), ("", 1), errors)
            self.assertIn("--help", errors)


class Spool(Commands):
    def test_where_there_is_none(self):
        for command in ("status", "verify", "export"):
            out, errors = self.run_command("spool", command, code=2)
            self.assertEqual(out, "")
            self.assertIn("spool/ingest.db: there is no spool here", errors)
        (self.data_dir / "note.txt").write_text("this is no database, but long enough to be taken for one" * 20)
        for command in ("status", "verify", "export"):
            self.assertIn("file is not a database", "".join(self.run_command("spool", command, "--file", "note.txt", code=1)))

    def test_what_waits_is_shown_beside_a_host_and_after_it(self):
        with Host(data_dir=self.data_dir) as host:
            host.sql_rows("CREATE TABLE gate (); ALTER TABLE runs RENAME TO runs_away")  # nothing can be stored
            for n in range(3):
                self.assertEqual(host.post_text(batch(event(run_id='"r-%d"' % n), event(run_id='"r-%d"' % n, parent_run_id='"p"')))[0], 202)
            status, = self.lines("spool", "status", "--json")
            self.assertEqual((status["batches"], status["events"], status["in_use_by"]), (3, 6, str(host.process.pid)))
            self.assertGreater(status["oldest_age_seconds"], 0)
            text = self.run_command("spool", "status")[0]
            self.assertIn("3 batches, 6 events", text)
            self.assertIn("process %d" % host.process.pid, text)
            self.assertEqual(self.lines("spool", "verify", "--json"), [{"sound_batches": 3, "sound_events": 6, "damaged": []}])
        self.assertIn("nobody", self.run_command("spool", "status")[0])
        exported = self.lines("spool", "export")
        self.assertEqual([e["run_id"] for b in exported for e in b["events"]], ["r-0", "r-0", "r-1", "r-1", "r-2", "r-2"])
        self.assertEqual({b["customer_id"] for b in exported}, {"dev_customer"})
        with Host() as other:  # what was exported is what another host takes
            for one in exported:
                self.assertEqual(other.post_text(json.dumps({"agent_id": one["agent_id"], "events": one["events"]}))[0], 202)
            wait_until(lambda: other.sql_rows("SELECT count(*), count(parent_run_id) FROM events") == [("6", "3")], 20, "they are stored")
        self.damage_and_mend()

    def damage_and_mend(self):
        """A damaged file: the commands say what, the start keeps the rest and says where the damaged file is now."""
        file = self.data_dir / "spool/ingest.db"
        content = bytearray(file.read_bytes())
        at = content.index(b"r-1")
        content[at] ^= 1
        file.write_bytes(content)
        out, _ = self.run_command("spool", "verify", code=1)
        self.assertRegex(out, r"sound +2 batches, 4 events\ndamaged +batch at position \d+: its bytes are not those that were written\n")
        self.assertEqual([b["events"][0]["run_id"] for b in self.lines("spool", "export", code=1)], ["r-0", "r-2"])
        with Host(data_dir=self.data_dir) as host:
            host.sql_rows("ALTER TABLE runs_away RENAME TO runs")
            wait_until(lambda: host.sql_rows("SELECT string_agg(DISTINCT run_id, ' ' ORDER BY run_id) FROM events") == [("r-0 r-2",)], 30,
                       "the good part is stored", host.log_tail)
            line, = [json.loads(l) for l in (self.data_dir / "dunetrace.log").read_text().splitlines() if '"spool.damaged"' in l]
        self.assertEqual((line["level"], line["file"], line["kept_batches"], line["kept_events"]), ("error", str(file), 2, 4))
        self.assertIn("batch at position", line["problems"])
        self.assertEqual(len(self.lines("spool", "export", "--file", line["set_aside"], code=1)), 2)
        self.assertEqual(self.lines("spool", "verify", "--json")[0]["damaged"], [])


class DeadLetters(Commands):
    def test_refused_events_are_shown_retried_and_dropped(self):
        with Host(data_dir=self.data_dir) as host:
            host.sql_rows("ALTER TABLE events ADD CONSTRAINT unlucky CHECK (step_index <> 13)")
            for run in ("a", "b", "c"):
                events = [event(run_id='"%s"' % run, step_index=str(n), payload='{"n":%d}' % n) for n in range(10, 16)]
                self.assertEqual(host.post_text(batch(*events))[0], 202)
            wait_until(lambda: host.sql_rows("SELECT count(*) FROM events") == [("15",)], 30, "the others are stored", host.log_tail)
            letters = wait_until(lambda: (lambda l: l if len(l) == 3 else None)(self.lines("dead-letters", "list", "--json")), 20, "three are aside")
            self.assertEqual([(l["event"]["run_id"], l["event"]["step_index"], l["event"]["payload"], l["attempts"]) for l in letters],
                             [("a", 13, {"n": 13}, 1), ("b", 13, {"n": 13}, 1), ("c", 13, {"n": 13}, 1)])
            self.assertIn("unlucky", letters[0]["reason"])
            self.assertEqual(len(self.lines("dead-letters", "list", "--json", "--run", "b")), 1)
            self.assertEqual(self.lines("dead-letters", "list", "--json", "--customer", "nobody"), [])
            self.assertIn("unlucky", self.run_command("dead-letters", "list")[0])
            metrics = host.connection("ingest").send("GET", "/metrics")[2].decode()
            self.assertIn("dunetrace_ingest_events_put_aside_total 3\n", metrics)
            for arguments in ([], ["--all", "7"], ["--all", "--run", "a"], ["7", "--run", "a"]):
                self.assertIn("give ids, or", self.run_command("dead-letters", "drop", *arguments, code=2)[1])
            out, errors = self.run_command("dead-letters", "retry", str(letters[0]["id"]), "999", code=1)
            self.assertEqual(out, "stored 0 of 2\n")
            self.assertIn("unlucky", errors)
            self.assertIn("999: there is no dead letter 999", errors)
            self.assertEqual(self.lines("dead-letters", "list", "--json", "--run", "a")[0]["attempts"], 2)
            host.sql_rows("ALTER TABLE events DROP CONSTRAINT unlucky")
            self.assertEqual(self.run_command("dead-letters", "retry", "--run", "a")[0], "stored 1 of 1\n")
            self.assertEqual(self.run_command("dead-letters", "drop", str(letters[1]["id"]))[0], "dropped 1 of 1\n")
            self.assertEqual(self.run_command("dead-letters", "drop", "--customer", "dev_customer")[0], "dropped 1 of 1\n")
            self.assertEqual(self.run_command("dead-letters", "list")[0], "no dead letters\n")
            self.assertEqual(host.sql_rows("SELECT run_id, event_count FROM runs ORDER BY run_id"), [("a", "6"), ("b", "5"), ("c", "5")])


class Keys(Commands):
    def test_the_life_of_a_key(self):
        with Host(data_dir=self.data_dir, env={"AUTH_MODE": "prod"}) as host:
            secret = self.run_command("keys", "create", "--customer", "acme")[0].strip()
            self.assertRegex(secret, r"^dt_live_[0-9a-f]{64}$")
            key, = self.lines("keys", "list", "--json")
            self.assertEqual((key["customer_id"], key["agent_id"], key["scopes"], key["active"], key["last_used_at"], key["prefix"]),
                             ("acme", None, ["ingest", "read"], True, None, secret[:16]))
            self.assertEqual(host.sql_rows("SELECT count(*) FROM api_keys WHERE key_hash = sha256('%s')" % secret), [("1",)])
            self.assertEqual(host.connection("ingest").send("POST", "/v1/ingest", batch(event()).encode(), {"Authorization": "Bearer " + secret})[0], 202)
            self.assertEqual(host.connection("api").send("GET", "/v1/agents", headers={"Authorization": "Bearer " + secret})[0], 200)
            used = wait_until(lambda: self.lines("keys", "list", "--json", "--customer", "acme")[0]["last_used_at"], 20, "its use is noted")
            self.assertAlmostEqual(used, time.time(), delta=60)
            self.assertIn("never used", self.run_command("keys", "create", "--customer", "new") and self.run_command("keys", "list")[0])
            self.assertIn("revoked key", self.run_command("keys", "revoke", secret)[0])
            self.assertIn("REVOKED", self.run_command("keys", "list", "--customer", "acme")[0])
            for wrong in ("dt_live_00000000", "99", "x" * 70):
                self.assertIn("no API key with the id or prefix", self.run_command("keys", "revoke", wrong, code=2)[1])
            for arguments in (["--scopes", "root"], ["--confined"], ["--confined", "--agent", "a", "--scopes", "ingest,read"]):
                self.assertEqual(self.run_command("keys", "create", "--customer", "c", *arguments, code=2)[0], "")

    def test_a_confined_key_writes_to_its_agent_alone(self):
        with Host(data_dir=self.data_dir, env={"AUTH_MODE": "prod"}) as host:
            secret = self.run_command("keys", "create", "--customer", "acme", "--agent", "mine", "--confined")[0].strip()
            bearer = {"Authorization": "Bearer " + secret}

            def send(agent, in_body=None):
                body = batch(event(agent_id='"%s"' % agent), agent_id='"%s"' % (in_body or agent))
                return host.connection("ingest").send("POST", "/v1/ingest", body.encode(), bearer)[0]
            self.assertEqual([send("mine"), send("other"), send("mine", "other"), send("other", "mine")], [202, 403, 403, 403])
            self.assertEqual(host.connection("api").send("GET", "/v1/agents", headers=bearer)[0], 403)


if __name__ == "__main__":
    unittest.main()
