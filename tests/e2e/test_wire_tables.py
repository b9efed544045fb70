"""Every rule of the ingest port, one row each (wire_rules.py), against the running host: body in, status and place out."""
import gzip
import json
import re
import time
import unittest
import zlib

from harness import Connection, Host, quote, run_dunetrace, wait_until
from prometheus_text import parse as parse_metrics
from wire_rules import acceptances, batch, event, problems_of, refusals, refused_deploys

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
MOST_BODY = 10 * 1024 * 1024
AT_ONCE_S = 5  # milliseconds on an idle machine; well below the 15 s after which a key is looked up anyway


class Port:
    """The ingest port of a host: (status, headers, text) of what it answers."""

    def __init__(self, host):
        self._connection = Connection(host.ports["ingest"])

    def send(self, method, path, body=None, **headers):
        data = body.encode() if isinstance(body, str) else body
        status, kept, answer = self._connection.send(method, path, data, {k.replace("_", "-"): v for k, v in headers.items()})
        return status, kept, answer.decode()

    def ingest(self, body, **headers):
        return self.send("POST", "/v1/ingest", body, **headers)

    def deploy(self, body, **headers):
        return self.send("POST", "/v1/deploy", body, **headers)


class Bodies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host().__enter__()
        cls.addClassCleanup(cls.host.__exit__, None)
        cls.port = Port(cls.host)

    def assert_detail(self, answer, text):
        self.assertEqual(json.loads(answer), {"detail": text})

    def test_what_is_refused_and_where(self):
        wait_until(lambda: parse_metrics(self.port.send("GET", "/metrics")[2])["dunetrace_spool_events",] == 0, 20, "what other tests sent is stored")
        before = self.host.sql_rows("SELECT count(*) FROM events")
        for name, body, problems in refusals():
            with self.subTest(name):
                status, headers, answer = self.port.ingest(body)
                self.assertEqual((status, headers["Content-Type"]), (422, "application/json"), answer)
                self.assertEqual(problems_of(answer), problems)
        self.assertEqual(self.host.sql_rows("SELECT count(*) FROM events"), before, "a refused batch leaves nothing")

    def test_what_is_taken_and_how_it_is_stored(self):
        columns = {}
        for number, (name, members, stored) in enumerate(acceptances()):
            run = "taken-%d" % number
            status, _, answer = self.port.ingest(batch(event(**{"run_id": '"%s"' % run, **members})))
            self.assertEqual(status, 202, name + answer)
            columns[run] = name, stored
        wait_until(lambda: int(self.host.sql_rows("SELECT count(*) FROM events WHERE run_id LIKE 'taken-%'")[0][0]) == len(columns),
                   20, "all are stored", self.host.log_tail)
        for run, (name, stored) in columns.items():
            with self.subTest(name):
                row = self.host.sql_rows("SELECT %s FROM events WHERE run_id = '%s'" % (", ".join(stored), run))
                self.assertEqual(row, [tuple(stored.values())])

    def test_a_202_says_what_was_taken(self):
        before = time.time()
        status, headers, answer = self.port.ingest(batch(*[event(timestamp=None)] * 7))
        answer = json.loads(answer)
        self.assertEqual((status, list(answer), answer["accepted"]), (202, ["accepted", "batch_id", "queued_at"], 7))
        self.assertRegex(answer["batch_id"], UUID4)
        self.assertTrue(before - 1 <= answer["queued_at"] <= time.time() + 1, answer)
        self.assertEqual(headers["Content-Type"], "application/json")
        sql = "SELECT count(*), min(\"timestamp\") > %f FROM events WHERE batch_id = '%s'" % (before - 1, answer["batch_id"])
        wait_until(lambda: self.host.sql_rows(sql) == [("7", "t")], 20, "the rows carry the batch's id and the time of receipt")

    def test_the_largest_batch(self):
        self.assertEqual(self.port.ingest(batch(*[event()] * 500))[0], 202)

    def test_content_types_do_not_matter(self):
        for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", "nonsense"):
            self.assertEqual(self.port.ingest(batch(event()), Content_Type=kind, X_Dunetrace_Agent="a")[0], 202, kind)

    def test_compressed_bodies(self):
        body = batch(event()).encode()
        raw = zlib.compressobj(wbits=-15)
        packed = {"gzip": gzip.compress(body), "x-gzip": gzip.compress(body), "GZIP": gzip.compress(body), "deflate": zlib.compress(body),
                  "identity": body}
        for coding, data in packed.items():
            self.assertEqual(self.port.ingest(data, Content_Encoding=coding)[0], 202, coding)
        self.assertEqual(self.port.ingest(raw.compress(body) + raw.flush(), Content_Encoding="deflate")[0], 202, "deflate without its frame")
        for coding in ("br", "zstd", "gzip, gzip", "nonsense"):
            status, headers, answer = self.port.ingest(body, Content_Encoding=coding)
            self.assertEqual((status, headers["Accept-Encoding"]), (415, "gzip, deflate"), coding)
            self.assertIsInstance(json.loads(answer)["detail"], str)
        for damaged in (body, gzip.compress(body)[:-9], gzip.compress(body) + b"x"):
            status, _, answer = self.port.ingest(damaged, Content_Encoding="gzip")
            self.assertEqual((status, list(json.loads(answer))), (400, ["detail"]))

    def test_bodies_of_the_largest_size_and_beyond(self):
        whole = batch(event()).encode()
        self.assertEqual(self.port.ingest(whole + b" " * (MOST_BODY - len(whole)))[0], 202)
        for what, body, headers in (("as it is", whole + b" " * (MOST_BODY - len(whole) + 1), {}),
                                    ("inflated", gzip.compress(whole + b" " * (MOST_BODY - len(whole) + 1)), {"Content_Encoding": "gzip"}),
                                    ("a bomb", zlib.compress(b" " * (1 << 28), 9), {"Content_Encoding": "deflate"})):
            status, _, answer = Port(self.host).ingest(body, **headers)
            self.assertEqual(status, 413, what)
            self.assertIn(str(MOST_BODY), json.loads(answer)["detail"])

    def test_paths_methods_and_errors_have_a_detail(self):
        for method, path, expected in (("GET", "/v1/ingest", 405), ("POST", "/health", 405), ("GET", "/v1/nothing", 404), ("PUT", "/v1/deploy", 405)):
            status, _, answer = self.port.send(method, path)
            self.assertEqual((status, list(json.loads(answer))), (expected, ["detail"]), path)

    def test_any_origin_in_dev_mode(self):
        status, headers, _ = self.port.send("OPTIONS", "/v1/ingest", Origin="http://page.example", Access_Control_Request_Method="POST",
                                            Access_Control_Request_Headers="content-type")
        self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (204, "*"))
        for name in ("Content-Type", "Authorization", "X-Dunetrace-Agent", "Idempotency-Key"):
            self.assertIn(name, headers["Access-Control-Allow-Headers"])
        self.assertEqual(self.port.ingest(batch(event()), Origin="http://page.example")[1]["Access-Control-Allow-Origin"], "*")

    def test_health_is_exactly_this(self):
        status, _, answer = self.port.send("GET", "/health")
        self.assertEqual((status, list(json.loads(answer).items())), (200, [("status", "ok"), ("version", "0.1.0"), ("db", "ok")]))
        self.assertEqual(self.port.send("GET", "/ready")[0], 200)

    def test_deploys_that_are_refused_and_where(self):
        for body, problems in refused_deploys():
            with self.subTest(body[:60]):
                status, _, answer = self.port.deploy(body)
                self.assertEqual(status, 422, answer)
                self.assertEqual(problems_of(answer), problems)
        self.assertEqual(self.host.sql_rows("SELECT count(*) FROM deploy_events WHERE agent_id = 'a'"), [("0",)])

    def test_a_deploy_is_stored_before_it_is_answered(self):
        status, _, answer = self.port.deploy('{"api_key":"","agent_id":"d","version":"v1.4.2","meta":{"commit":"abc123f"},"x":1}')
        answer = json.loads(answer)
        self.assertEqual((status, list(answer)), (202, ["id", "agent_id", "version", "deployed_at"]))
        self.assertEqual((answer["agent_id"], answer["version"]), ("d", "v1.4.2"))
        self.assertAlmostEqual(answer["deployed_at"], time.time(), delta=30)
        self.assertEqual(self.host.sql_rows("SELECT agent_id, version, meta FROM deploy_events WHERE id = %d" % answer["id"]),
                         [("d", "v1.4.2", '{"commit": "abc123f"}')])

    def test_policies_of_an_agent(self):
        self.host.sql_rows("""INSERT INTO policies (customer_id, agent_id, name, condition, action, enabled, priority) VALUES
            ('dev_customer', 'p', 'second', '{"trigger":"steps"}', '{"type":"stop"}', true, 50), ('dev_customer', '*', 'first', '{}', '{}', true, 1),
            ('dev_customer', 'p', 'off', '{}', '{}', false, 1), ('dev_customer', 'q', 'other', '{}', '{}', true, 1)""")
        status, _, answer = self.port.send("GET", "/v1/policies?agent_id=p&api_key=")
        found = json.loads(answer)
        self.assertEqual((status, list(found), [p["name"] for p in found["policies"]]), (200, ["policies"], ["first", "second"]))
        self.assertEqual(set(found["policies"][1]), {"id", "agent_id", "name", "condition", "action", "enabled", "priority"})
        self.assertEqual(found["policies"][1]["condition"], {"trigger": "steps"})
        status, _, answer = self.port.send("GET", "/v1/policies")
        self.assertEqual((status, problems_of(answer)), (422, [("missing", ["query", "agent_id"])]))


class Keys(unittest.TestCase):
    """AUTH_MODE=prod: who may do what."""

    @classmethod
    def setUpClass(cls):
        cls.host = Host(env={"AUTH_MODE": "prod"}).__enter__()
        cls.addClassCleanup(cls.host.__exit__, None)
        cls.port = Port(cls.host)

    def key(self, customer, *more):
        code, out, errors = run_dunetrace("keys", "create", "--customer", customer, *more, data_dir=self.host.data_dir)
        self.assertEqual(code, 0, errors)
        return out.strip()

    def asks(self, key, agent="a"):
        """Every way to bring a key to every endpoint that takes one."""
        bearer = {"Authorization": "Bearer " + key}
        deploy = {"agent_id": agent, "version": "v"}
        body = batch(event(agent_id='"%s"' % agent), agent_id='"%s"' % agent)
        yield "ingest, body", self.port.ingest(body.replace("{", '{"api_key":"%s",' % key, 1))
        yield "ingest, header", self.port.ingest(body, **bearer)
        yield "deploy, body", self.port.deploy(json.dumps({"api_key": key, **deploy}))
        yield "deploy, header", self.port.deploy(json.dumps(deploy), **bearer)
        yield "policies, query", self.port.send("GET", "/v1/policies?agent_id=%s&api_key=%s" % (agent, quote(key)))
        yield "policies, header", self.port.send("GET", "/v1/policies?agent_id=" + agent, **bearer)

    def test_unknown_keys(self):
        for key in ("", "dt_dev_x", "dt_live_unknown"):
            for what, (status, headers, answer) in self.asks(key):
                self.assertEqual((status, json.loads(answer)), (401, {"detail": "API key is unknown or inactive"}), what)
                self.assertEqual(headers["WWW-Authenticate"], "Bearer")

    def test_a_malformed_body_comes_before_the_key(self):
        self.assertEqual(self.port.ingest(batch(api_key='"dt_live_unknown"'))[0], 422)

    def test_scopes(self):
        sender, reader = self.key("scopes", "--scopes", "ingest"), self.key("scopes", "--scopes", "read")
        for what, (status, _, answer) in self.asks(sender):
            self.assertIn(status, (200, 202), what + answer)
        for what, (status, _, answer) in self.asks(reader):
            self.assertEqual((status, json.loads(answer)), (403, {"detail": "this API key lacks the scope 'ingest'"}), what)
        for key, expected in ((sender, 403), (reader, 200)):
            status = self.host.connection("api").send("GET", "/v1/agents", headers={"Authorization": "Bearer " + key})[0]
            self.assertEqual(status, expected)

    def test_foreign_agents(self):
        own, other = self.key("owner", "--agent", "owned"), self.key("stranger")
        for what, (status, _, answer) in self.asks(own, "owned"):
            self.assertIn(status, (200, 202), what + answer)
        refused = {"detail": "API key is not allowed to write to agent 'owned'"}
        for what, (status, _, answer) in self.asks(other, "owned"):
            if "policies" not in what:  # those are the asking customer's own
                self.assertEqual((status, json.loads(answer)), (403, refused), what)
        hidden = batch(event(agent_id='"free"'), event(agent_id='"owned"'), agent_id='"free"')
        self.assertEqual(self.port.ingest(hidden, Authorization="Bearer " + other)[0], 403, "one event of many")
        self.assertEqual(self.port.ingest(batch(event(agent_id='"free"'), agent_id='"owned"'), Authorization="Bearer " + other)[0], 403, "the body")
        for what, (status, _, answer) in self.asks(other, "nobodys"):
            self.assertIn(status, (200, 202), what + answer)

    def test_no_other_origin(self):
        _, headers, _ = self.port.send("OPTIONS", "/v1/ingest", Origin="http://page.example", Access_Control_Request_Method="POST")
        self.assertIsNone(headers["Access-Control-Allow-Origin"])

    def test_a_revoked_key_ends_at_once_on_both_ports(self):
        for how in ("command", "sql"):  # an operator may use either
            key = self.key("short-lived")
            bearer = {"Authorization": "Bearer " + key}
            for what, (status, _, answer) in self.asks(key):
                self.assertIn(status, (200, 202), what + answer)
            read = lambda: self.host.connection("api").send("GET", "/v1/agents", headers=bearer)[0]
            self.assertEqual(read(), 200)
            if how == "command":
                self.assertEqual(run_dunetrace("keys", "revoke", key, data_dir=self.host.data_dir)[0], 0)
            else:
                self.host.sql_rows("UPDATE api_keys SET active = false WHERE key_prefix = '%s'" % key[:16])
            wait_until(lambda: self.port.ingest(batch(event()), **bearer)[0] == 401, AT_ONCE_S, "ingest refuses it (%s)" % how)
            wait_until(lambda: read() == 401, AT_ONCE_S, "the API refuses it (%s)" % how)
            for what, (status, _, answer) in self.asks(key):
                self.assertEqual(status, 401, what)


class Metrics(unittest.TestCase):
    def test_what_happened_is_counted_by_reason(self):
        with Host(env={"AUTH_MODE": "prod"}) as host:
            port = Port(host)
            make = lambda *more: run_dunetrace("keys", "create", "--customer", "acme", *more, data_dir=host.data_dir)[1].strip()
            sender, reader, _ = make("--scopes", "ingest"), make("--scopes", "read"), make("--agent", "owned")
            stranger = run_dunetrace("keys", "create", "--customer", "other", data_dir=host.data_dir)[1].strip()
            bearer = {"Authorization": "Bearer " + sender}
            self.assertEqual(port.ingest(batch(event(), event(event_type='"llm.called"')), **bearer, Idempotency_Key="k")[0], 202)
            self.assertEqual(port.ingest(batch(event()), **bearer, Idempotency_Key="k")[0], 422)
            self.assertEqual(port.ingest(batch(event(), event(event_type='"llm.called"')), **bearer, Idempotency_Key="k")[1]["Idempotency-Replayed"], "true")
            self.assertEqual([port.ingest("nope")[0], port.ingest(batch(event()))[0], port.ingest(batch(event()), Authorization="Bearer " + reader)[0],
                              port.ingest(batch(event(agent_id='"owned"')), Authorization="Bearer " + stranger)[0]], [422, 401, 403, 403])
            self.assertEqual(Port(host).ingest(gzip.compress(b" " * (MOST_BODY + 1)), Content_Encoding="gzip")[0], 413)
            wait_until(lambda: host.sql_rows("SELECT count(*) FROM events") == [("2",)], 20, "they are stored")
            for role in ("ingest", "api", "dashboard"):
                status, headers, body = host.connection(role).send("GET", "/metrics")
                self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
                metrics = parse_metrics(body.decode())
            refused = {labels[0][1]: value for (name, *labels), value in metrics.items() if name == "dunetrace_ingest_refused_total"}
            self.assertEqual(refused, {"invalid": 1, "rate": 0, "unknown_key": 1, "no_scope": 1, "foreign_agent": 1, "key_unavailable": 0,
                                       "key_reused": 1, "spool_full": 0, "spool_failed": 0, "stopping": 0})
            kinds = {dict(labels)["event_type"]: value for (name, *labels), value in metrics.items()
                     if name == "dunetrace_ingest_events_total" and dict(labels)["outcome"] == "accepted"}
            self.assertEqual({kind for kind, value in kinds.items() if value}, {"tool.called", "llm.called"})
            self.assertEqual(metrics["dunetrace_http_refused_total", ("service", "ingest"), ("reason", "body_too_large")], 1)
            self.assertEqual([metrics["dunetrace_ingest_events_written_total",], metrics["dunetrace_ingest_replays_total",],
                              metrics["dunetrace_ingest_events_put_aside_total",], metrics["dunetrace_ingest_queue_length",],
                              metrics["dunetrace_spool_events",], metrics["dunetrace_spool_bytes",],
                              metrics["dunetrace_spool_oldest_age_seconds",], metrics["dunetrace_dead_letters_waiting",]], [2, 1, 0, 0, 0, 0, 0, 0])
            self.assertGreaterEqual(metrics["dunetrace_ingest_write_duration_seconds_count",], 1)
            self.assertNotIn(sender, body.decode())


class Limits(unittest.TestCase):
    def test_the_rate(self):
        """Ingest and deploy count together, refused requests too; health and policies do not."""
        with Host(env={"RATE_LIMIT_REQUESTS": "3"}) as host:
            port = Port(host)
            self.assertEqual([port.ingest(batch(event()))[0], port.ingest("{}")[0], port.deploy('{"agent_id":"a","version":"v"}')[0]], [202, 422, 202])
            for status, headers, answer in (port.ingest(batch(event())), port.deploy('{"agent_id":"a","version":"v"}'), port.ingest("nope"),
                                            port.ingest(batch(event(), api_key='"dt_live_made_up"')), port.ingest(batch(event(), api_key='"dt_dev_x"'))):
                self.assertEqual((status, json.loads(answer)), (429, {"detail": "too many requests"}))
                self.assertTrue(1 <= int(headers["Retry-After"]) <= 60, headers["Retry-After"])
            self.assertEqual([port.send("GET", "/health")[0], port.send("GET", "/v1/policies?agent_id=a")[0]], [200, 200])
            keys = [run_dunetrace("keys", "create", "--customer", c, data_dir=host.data_dir)[1].strip() for c in ("one", "two")]
            for key in keys:  # a real key has a bucket of its own; it is known once the host has heard of it
                wait_until(lambda: port.ingest(batch(event(), api_key='"%s"' % key))[0] == 202, 10, "the key is known")
                wait_until(lambda: port.ingest(batch(event(), api_key='"%s"' % key))[0] == 429, 10, "its bucket is empty, too")

    def test_a_full_spool_is_told(self):
        """Nothing drains it, since the table is away; then it drains, and everything that was promised is there."""
        with Host(env={"SPOOL_MAX_BYTES": str(1024 * 1024)}) as host:
            port, promised = Port(host), 0
            host.sql_rows("ALTER TABLE runs RENAME TO runs_away")
            body = batch(*[event(payload='{"tool_name":"%s"}' % ("t" * 500))] * 100)
            deadline = time.monotonic() + 30
            while True:
                status, headers, answer = port.ingest(body)
                if status != 202:
                    break
                promised += 100
                self.assertLess(time.monotonic(), deadline, "the spool never says that it is full")
            self.assertEqual((status, json.loads(answer)), (503, {"detail": "Service temporarily unavailable"}))
            self.assertGreaterEqual(int(headers["Retry-After"]), 1)
            self.assertEqual(port.send("GET", "/ready")[0], 503)
            self.assertEqual(port.send("GET", "/health")[0], 200)
            metrics = parse_metrics(port.send("GET", "/metrics")[2])
            self.assertEqual(metrics["dunetrace_ingest_refused_total", ("reason", "spool_full")], 1)
            self.assertGreater(metrics["dunetrace_spool_oldest_age_seconds",], 0)
            self.assertGreater(metrics["dunetrace_spool_bytes",], metrics["dunetrace_spool_max_bytes",] / 2)
            host.sql_rows("ALTER TABLE runs_away RENAME TO runs")
            wait_until(lambda: port.send("GET", "/ready")[0] == 200, 20, "there is room again")
            wait_until(lambda: host.sql_rows("SELECT count(*) FROM events") == [(str(promised),)], 30, "what was promised is stored")


if __name__ == "__main__":
    unittest.main()
