"""Two customers on one host: the same agent and run ids, and neither sees, changes or blocks what is the other's."""
import json
import unittest

from harness import Host, run_dunetrace, wait_until
from run_builder import RunBuilder

SHARED_RUN, SHARED_AGENT = "the-same-run", "the-same-agent"


def looping_run():
    run = RunBuilder(SHARED_RUN, SHARED_AGENT).start(tools=["search"])
    for n in range(5):
        run.llm(100 + n).tool("search", args_hash="564e6e74b20a08c8")
    return run.complete("final_answer").events


def healthy_run():
    return RunBuilder(SHARED_RUN, SHARED_AGENT).start(tools=["read"]).llm(50).tool("read").complete("final_answer").events


class TwoCustomers(unittest.TestCase):
    def setUp(self):
        self.host = Host(stall_timeout_secs=30, env={"AUTH_MODE": "prod"}).__enter__()
        self.addCleanup(self.host.__exit__, None)
        self.keys = {}
        for customer in ("acme", "bolt"):
            code, out, errors = run_dunetrace("keys", "create", "--customer", customer, data_dir=self.host.data_dir)
            self.assertEqual(code, 0, errors)
            self.keys[customer] = {"Authorization": "Bearer " + out.strip()}

    def post(self, customer, events):
        body = json.dumps({"agent_id": events[0]["agent_id"], "events": events}).encode()
        return self.host.connection("ingest").send("POST", "/v1/ingest", body, self.keys[customer])[0]

    def get(self, customer, path):
        status, _, body = self.host.connection("api").send("GET", path, headers=self.keys[customer])
        return status, json.loads(body)

    def judged(self, customer, events):
        """The customer's own run once it was judged with so many events."""
        def look():
            status, run = self.get(customer, "/v1/runs/%s?include_shadow=true" % SHARED_RUN)
            return run if status == 200 and run["exit_reason"] is not None and len(run["events"]) == events else None
        return wait_until(look, 30, "%s's run with %d events is judged" % (customer, events), self.host.log_tail)

    def test_the_same_ids_are_two_runs_on_every_way(self):
        looping, healthy = looping_run(), healthy_run()
        self.assertEqual([self.post("acme", looping), self.post("bolt", healthy)], [202, 202])
        acme, bolt = self.judged("acme", len(looping)), self.judged("bolt", len(healthy))
        self.assertIn("TOOL_LOOP", {s["failure_type"] for s in acme["signals"]})
        self.assertNotIn("TOOL_LOOP", {s["failure_type"] for s in bolt["signals"]})
        self.assertEqual({e["payload"].get("tool_name") for e in bolt["events"]} - {None}, {"read"})
        for customer, looped in (("acme", True), ("bolt", False)):
            agents = self.get(customer, "/v1/agents")[1]["agents"]
            self.assertEqual([(a["agent_id"], a["run_count"]) for a in agents], [(SHARED_AGENT, 1)])
            signals = self.get(customer, "/v1/agents/%s/signals?include_shadow=true" % SHARED_AGENT)[1]["signals"]
            self.assertEqual("TOOL_LOOP" in {s["failure_type"] for s in signals}, looped)
        late = dict(healthy[-1], event_type="external.signal", payload={"signal_name": "late"})
        self.assertEqual(self.post("bolt", [late]), 202)
        self.judged("bolt", len(healthy) + 1)
        self.assertEqual(self.judged("acme", len(looping)), acme, "the other's late event changed nothing")
        self.assertEqual(self.host.sql_rows("SELECT customer_id, event_count FROM runs ORDER BY 1"),
                         [("acme", str(len(looping))), ("bolt", str(len(healthy) + 1))])

    def test_what_only_the_other_has_does_not_exist(self):
        events = looping_run()
        self.assertEqual(self.post("acme", events), 202)
        self.judged("acme", len(events))
        for path in ("/v1/runs/" + SHARED_RUN, "/v1/agents/%s/runs" % SHARED_AGENT, "/v1/agents/%s/signals" % SHARED_AGENT):
            self.assertEqual(self.get("acme", path)[0], 200)
            status, body = self.get("bolt", path)
            self.assertEqual((status, list(body)), (404, ["detail"]), path)
        self.assertEqual(self.get("bolt", "/v1/agents")[1]["agents"], [])

    def test_markers_and_policies_are_the_senders_own(self):
        self.host.sql_rows("""INSERT INTO policies (customer_id, agent_id, name, condition, action) VALUES
            ('acme', '*', 'of acme', '{}', '{}'), ('bolt', '%s', 'of bolt', '{}', '{}')""" % SHARED_AGENT)
        for customer in self.keys:
            status, _, body = self.host.connection("ingest").send("GET", "/v1/policies?agent_id=" + SHARED_AGENT, headers=self.keys[customer])
            self.assertEqual((status, [p["name"] for p in json.loads(body)["policies"]]), (200, ["of " + customer]))
            marker = json.dumps({"agent_id": SHARED_AGENT, "version": customer}).encode()
            self.assertEqual(self.host.connection("ingest").send("POST", "/v1/deploy", marker, self.keys[customer])[0], 202)
        self.assertEqual(self.host.sql_rows("SELECT customer_id, version FROM deploy_events ORDER BY 1"), [("acme", "acme"), ("bolt", "bolt")])


if __name__ == "__main__":
    unittest.main()
