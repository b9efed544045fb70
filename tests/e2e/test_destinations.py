"""Destinations and integrations end to end: `dunetrace plugin run` of the examples against a receiver that answers as
receivers do, and the examples built outside of this tree against the SDK."""
import http.server
import json
import os
import pathlib
import shutil
import socketserver
import ssl
import subprocess
import threading
import unittest

from harness import BINARY, REPOSITORY, make_data_dir, run_dunetrace

EXAMPLES = BINARY.parents[1] / "lib/dunetrace/examples"
PLUGINS = BINARY.parents[1] / "lib/dunetrace/plugins"
HOSTILE = BINARY.parents[1] / "tests/hostile/hostile_outward.so"


class Receiver:
    """Answers as told by the first part of the path and remembers what came. `close()` when done."""

    def __init__(self, certificate=None):
        receiver = self
        self.seen, self.released = [], threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.seen.append((self.command, self.path, dict(self.headers), body))
                what = self.path.split("/")[1]
                if what == "slow":
                    receiver.released.wait(30)
                status = {"ok": 200, "huge": 200, "slow": 200, "busy": 429, "gone": 404, "broken": 500, "moved": 302}.get(what, 200)
                text = b"x" * 3_000_000 if what == "huge" else b'{"ticket":7}' if self.command == "POST" else b'[{"title":"old"}]'
                self.send_response(status)
                if what == "busy":
                    self.send_header("Retry-After", "3")
                if what == "moved":
                    self.send_header("Location", "/ok/elsewhere")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                try:
                    self.wfile.write(text)
                except OSError:
                    pass  # the host reads no more than its limit

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a connection that the host has ended

        self.server = Server(("127.0.0.1", 0), Handler)
        self.origin = "http://127.0.0.1:%d" % self.server.server_port
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.origin = "https://localhost:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


class Outward(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        base = {"run_id": "r-1", "agent_id": "shop", "agent_version": "v1"}
        events = [{**base, "event_type": "run.started", "step_index": 0, "timestamp": 1767225600.0}]
        events += [{**base, "event_type": "tool.called", "step_index": n, "timestamp": 1767225600.0 + n,
                    "payload": {"tool_name": "search", "args_hash": "3b7b5a17b6341261"}} for n in range(1, 6)]
        self.run_file = self.write("run.json", json.dumps(events))

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def plugin_run(self, example, *arguments, env=None):
        """(exit code, stdout, stderr)"""
        return run_dunetrace("plugin", "run", str(EXAMPLES / example), *map(str, arguments), data_dir=self.directory, env=env)

    def deliver(self, what, *arguments, env=None):
        return self.plugin_run("json_post.so", "--run", self.run_file, "--param", "url=%s/%s" % (self.receiver.origin, what),
                               "--allow", self.receiver.origin, *arguments, env=env)


class Destinations(Outward):
    def test_an_alert_arrives_explained(self):
        token = self.write("token", "t0ps3cret\n")
        code, out, err = self.deliver("ok/hook", "--param", "token=file:%s" % token)
        self.assertEqual(code, 0, out + err)
        self.assertTrue(out.startswith("delivered: 1 of 1 alerts"), out)
        self.assertNotIn("t0ps3cret", out + err)
        self.assertNotIn("/hook", out + err)
        (method, path, headers, body), = self.receiver.seen
        self.assertEqual((method, path, headers["Content-Type"]), ("POST", "/ok/hook", "application/json"))
        self.assertEqual(headers["Authorization"], "Bearer t0ps3cret")
        document = json.loads(body)
        self.assertEqual(document["idempotency_key"], headers["Idempotency-Key"])
        alert, = document["alerts"]
        self.assertEqual((alert["failure_type"], alert["run_id"], alert["agent_id"]), ("TOOL_LOOP", "r-1", "shop"))
        self.assertEqual((alert["evidence"]["tool"], alert["evidence"]["count"]), ("search", 5))
        self.assertIn("`search` called 5 times", alert["title"])
        self.assertTrue(alert["suggested_fixes"][0]["description"])

    def test_a_second_attempt_has_the_same_key(self):
        self.assertEqual(self.deliver("broken")[0], 1)
        self.assertEqual(self.deliver("ok", "--attempt", "2")[0], 0)
        first, second = self.receiver.seen
        self.assertEqual(first[2]["Idempotency-Key"], second[2]["Idempotency-Key"])
        self.assertEqual([json.loads(seen[3])["attempt"] for seen in (first, second)], [1, 2])

    def test_what_answers_mean(self):
        for what, expected in (("busy", "again after 3000 ms: HTTP 429"), ("broken", ": HTTP 500"), ("gone", ": HTTP 404"), ("moved", ": HTTP 302")):
            with self.subTest(what=what):
                code, out, err = self.deliver(what)
                self.assertEqual(code, 1, out + err)
                self.assertTrue(out.startswith("rejected" if what in ("gone", "moved") else "retry"), out)
                self.assertIn(expected, out)
        self.assertNotIn("/ok/elsewhere", [seen[1] for seen in self.receiver.seen], "no redirect is followed")

    def test_a_huge_answer_is_a_delivery_all_the_same(self):
        code, out, err = self.deliver("huge")
        self.assertEqual(code, 0, out + err)
        self.assertTrue(out.startswith("delivered"), out)

    def test_a_slow_receiver_costs_its_time_limit(self):
        code, out, err = self.deliver("slow", "--param", "post_timeout_ms=150")
        self.assertEqual(code, 1, out + err)
        self.assertTrue(out.startswith("retry"), out)
        self.assertIn("150 ms", out)

    def test_a_receiver_that_is_away(self):
        self.receiver.close()
        code, out, _ = self.deliver("ok")
        self.assertEqual(code, 1)
        self.assertTrue(out.startswith("retry"), out)

    def test_the_policy_stands_before_the_receiver(self):
        url = self.receiver.origin + "/ok"
        for arguments, expected in ((("--param", "url=" + url), "http has to be on the operator's list"),
                                    (("--param", "url=" + url.replace("http:", "https:")), "loopback"),
                                    (("--param", "url=" + url.replace("http:", "https:").replace("127.0.0.1", "localhost")), "loopback"),
                                    (("--param", "url=" + url.replace("127.0.0.1", "2130706433")), "operator's list"),
                                    (("--param", "url=" + url, "--allow", "http://127.0.0.1:1"), "operator's list"),
                                    (("--param", "url=http://me:pw@127.0.0.1/x", "--allow", self.receiver.origin), "user name or password")):
            with self.subTest(arguments=arguments):
                code, out, err = self.plugin_run("json_post.so", "--run", self.run_file, *arguments)
                self.assertEqual(code, 1, out + err)
                self.assertTrue(out.startswith("failed"), out)
                self.assertIn(expected, out)
        self.assertEqual(self.receiver.seen, [])

    def test_a_certificate_must_be_trusted(self):
        certificate = self.directory / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.directory / "key.pem", "-out", certificate,
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"], check=True, capture_output=True)
        certificate.write_text(certificate.read_text() + (self.directory / "key.pem").read_text())
        receiver = Receiver(certificate)
        self.addCleanup(receiver.close)
        code, out, err = self.plugin_run("json_post.so", "--run", self.run_file, "--param", "url=%s/ok" % receiver.origin, "--allow", receiver.origin)
        self.assertEqual(code, 1, out + err)
        self.assertTrue(out.startswith("retry"), out)
        self.assertIn("certificate", out)
        self.assertEqual(receiver.seen, [])

    def test_secrets_in_production_are_references(self):
        code, out, err = self.deliver("ok/hook", env={"AUTH_MODE": "prod"})
        self.assertEqual(code, 2, out + err)
        self.assertIn("json_post.url: a secret is written as env:NAME or file:/path", err)
        self.assertNotIn("/hook", err)
        code, out, err = self.plugin_run("json_post.so", "--run", self.run_file, "--param", "url=env:TEST_HOOK", "--allow", self.receiver.origin,
                                         env={"AUTH_MODE": "prod", "TEST_HOOK": self.receiver.origin + "/ok/hook"})
        self.assertEqual(code, 0, out + err)
        self.assertEqual(err, "")
        self.assertEqual(self.plugin_run("json_post.so", "--run", self.run_file, "--param", "url=env:TEST_NONE")[0], 2)

    def test_clear_refusals(self):
        for arguments, expected in ((("--run", self.run_file), "parameter 'url' is required"),
                                    (("--param", "url=https://a"), "--run"),
                                    (("--run", self.run_file, "--param", "ulr=https://a"), "did you mean 'url'"),
                                    (("--run", self.run_file, "--param", "url=https://a", "--param", "post_timeout_ms=1"), "from 100 to 60000"),
                                    (("--run", self.run_file, "--param", "url=https://a", "--allow", "a/b"), "--allow a/b"),
                                    (("--run", self.run_file, "--param", "url=https://a", "--action", "list"), "brings no")):
            with self.subTest(arguments=arguments):
                code, out, err = self.plugin_run("json_post.so", *arguments)
                self.assertEqual(code, 2, out + err)
                self.assertIn(expected, err)

    def test_nothing_found_is_nothing_delivered(self):
        self.run_file.write_text(json.dumps(json.loads(self.run_file.read_text())[:2]))
        code, out, err = self.deliver("ok")
        self.assertEqual((code, out), (0, "nothing found, nothing delivered\n"), err)
        self.assertEqual(self.receiver.seen, [])


class Integrations(Outward):
    def act(self, action, *arguments, what="ok"):
        return self.plugin_run("ticket_desk.so", "--param", "url=%s/%s" % (self.receiver.origin, what), "--allow", self.receiver.origin,
                               "--action", action, *arguments)

    def test_lists(self):
        code, out, err = self.act("list")
        self.assertEqual(code, 0, out + err)
        self.assertEqual(json.loads(out), {"tickets": [{"title": "old"}]})
        self.assertEqual(self.receiver.seen[0][:2], ("GET", "/ok/tickets"))

    def test_a_dry_run_describes_and_asks_nobody(self):
        text = {"title": 'a "b"\\', "text": "c\nd\u00e9\u0001"}
        code, out, err = self.act("open", "--input", json.dumps(text), "--dry-run")
        self.assertEqual(code, 0, out + err)
        self.assertEqual(json.loads(out), {"would_open": text})
        self.assertEqual(self.receiver.seen, [])

    def test_opens_what_the_dry_run_said(self):
        text = {"title": 'a "b"\\', "text": "c\nd\u00e9\u0001"}
        for _ in range(2):
            code, out, err = self.act("open", "--input", "@%s" % self.write("input.json", json.dumps(text)))
            self.assertEqual(code, 0, out + err)
            self.assertEqual(json.loads(out), {"opened": {"ticket": 7}})
        first, second = self.receiver.seen
        self.assertEqual((first[0], json.loads(first[3])), ("POST", text))
        self.assertEqual(first[2]["Idempotency-Key"], second[2]["Idempotency-Key"])

    def test_failures_say_what_the_desk_answered(self):
        for what, expected in (("broken", "HTTP 500"), ("gone", "HTTP 404"), ("huge", "longer than")):
            with self.subTest(what=what):
                code, out, err = self.act("list", what=what)
                self.assertEqual((code, out), (1, ""), err)
                self.assertIn("ticket_desk: list: ", err)
                self.assertIn(expected, err)

    def test_clear_refusals(self):
        for arguments, expected in ((("close",), "no action 'close'; expected one of list, open"),
                                    (("open", "--input", "{"), "no JSON object"),
                                    (("open", "--input", "[]"), "no JSON object"),
                                    (("open", "--input", "{}"), "'title' must be a text"),
                                    (("open", "--input", "@/none"), "/none")):
            with self.subTest(arguments=arguments):
                code, out, err = self.act(*arguments)
                self.assertEqual(code, 2, out + err)
                self.assertIn(expected, err)
        code, _, err = self.plugin_run("ticket_desk.so")
        self.assertEqual(code, 2)
        self.assertIn("--action", err)


class Harmful(Outward):
    """The tool survives whatever a destination or an integration does, and says who did it."""
    harms = (("crash", "crashed (SIGSEGV) in"), ("exit", "ended its process with status 0 in"), ("socket", "called socket, which no plugin may, in"))

    def test_a_destination_that_does_harm_is_named(self):
        for deed, expected in self.harms:
            with self.subTest(deed=deed):
                code, out, err = self.plugin_run(HOSTILE, "--run", self.run_file, "--param", "deed=" + deed)
                self.assertEqual(code, 1, out + err)
                self.assertTrue(out.startswith("failed: 1 of 1 alerts"), out + err)
                self.assertIn("worst_post: %s deliver()" % expected, out)

    def test_an_integration_that_does_harm_is_named(self):
        for deed, expected in self.harms:
            with self.subTest(deed=deed):
                code, out, err = self.plugin_run(HOSTILE, "--action", "act", "--param", "deed=" + deed)
                self.assertEqual((code, out), (1, ""), err)
                self.assertIn("worst_desk: %s invoke()" % expected, err)

    def test_what_hangs_is_ended_after_its_deadline(self):
        code, out, err = self.plugin_run(HOSTILE, "--run", self.run_file, "--param", "deed=hang")
        self.assertEqual(code, 1, out + err)
        self.assertIn("worst_post: did not answer within 31000 ms in deliver()", out)

    def test_a_crash_while_it_is_created(self):
        code, out, err = self.plugin_run(HOSTILE, "--run", self.run_file, "--param", "deed=crash_in_create")
        self.assertEqual((code, out), (1, ""), err)
        self.assertIn("worst_post: crashed (SIGABRT) in create()", err)


class Descriptions(Outward):
    def describe(self, example, *arguments):
        code, out, err = run_dunetrace("plugin", "describe", str(EXAMPLES / example), *arguments, data_dir=self.directory)
        self.assertEqual(code, 0, err)
        return out

    def test_what_they_take_and_what_they_do_is_told(self):
        self.assertIn("alert json_post: JSON post", self.describe("json_post.so"))
        self.assertIn("takes up to 100 alerts at once", self.describe("json_post.so"))
        self.assertIn("open: Open a ticket (changes something)", self.describe("ticket_desk.so"))
        component, = json.loads(self.describe("ticket_desk.so", "--json"))["components"]
        self.assertEqual([(action["id"], action["mutates"]) for action in component["actions"]], [("list", False), ("open", True)])
        self.assertEqual(component["actions"][1]["input_schema"]["required"], ["title"])
        component, = json.loads(self.describe("json_post.so", "--json"))["components"]
        self.assertEqual(component["max_batch"], 100)


class Detectors(Outward):
    def test_the_example_detectors_find_what_they_are_for(self):
        code, out, err = self.plugin_run("repeated_tool.so", "--run", self.run_file, "--explain")
        self.assertEqual(code, 0, err)
        self.assertIn("REPEATED_TOOL HIGH", out)
        self.assertIn("search was called 5 times in 5 calls", out)
        base = {"run_id": "r-2", "agent_id": "shop", "agent_version": "v1"}
        events = [{**base, "event_type": "run.started", "step_index": 0, "timestamp": 1767225600.0}]
        for n, tokens in enumerate((500, 1500, 4000)):
            at = 1767225601.0 + 2 * n
            events.append({**base, "event_type": "llm.called", "step_index": n + 1, "timestamp": at, "payload": {"model": "m", "prompt_tokens": tokens}})
            events.append({**base, "event_type": "llm.responded", "step_index": n + 1, "timestamp": at + 1, "payload": {"finish_reason": "stop"}})
        code, out, err = self.plugin_run("prompt_growth.so", "--run", self.write("growth.json", json.dumps(events)), "--explain")
        self.assertEqual(code, 0, err)
        self.assertIn("PROMPT_GROWTH MEDIUM", out)
        self.assertIn("The prompt grew 8", out)


class Outside(unittest.TestCase):
    def test_the_examples_build_against_an_installed_sdk(self):
        directory = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        sdk = directory / "sdk"
        shutil.copytree(REPOSITORY / "sdk/plugin/include/dunetrace", sdk / "include/dunetrace")
        shutil.copytree(REPOSITORY / "sdk/plugin/cmake", sdk / "lib/cmake/dunetrace-sdk")
        shutil.copytree(REPOSITORY / "sdk/plugin/examples", directory / "examples")
        for command in (["cmake", "-S", directory / "examples", "-B", directory / "build", "-DCMAKE_PREFIX_PATH=%s" % sdk],
                        ["cmake", "--build", directory / "build"]):
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env={**os.environ, "CXXFLAGS": "-Wall -Wextra -Werror"})
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        built = sorted(file.name for file in (directory / "build").glob("*.so"))
        self.assertEqual(built, ["json_post.so", "prompt_growth.so", "repeated_tool.so", "ticket_desk.so"])


if __name__ == "__main__":
    unittest.main()
