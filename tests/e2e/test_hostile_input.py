"""Input past every limit: the host may refuse it or mark it, but it stays up and judges what comes after."""
import json
import random
import unittest

from compare import compare_run
from harness import Host, wait_until
from reference import evaluate
from run_builder import RunBuilder
from test_kill_host import loop_run


def random_hex(length):
    return "%0*x" % (length, random.Random(length).getrandbits(4 * length))


def hostile_runs():
    """(what it is, events); each is legal JSON that a stranger may send."""
    evidence = RunBuilder("huge-evidence", "hostile").start()
    for n in range(40):
        evidence.tool("search", args_hash="!" + random_hex(2000 + n))
    name = RunBuilder("huge-name", "hostile").start()
    for _ in range(5):
        name.tool(random_hex(30000))
    times = RunBuilder("huge-times", "hostile").start()
    times.tool("a", after=1e300).tool("b", latency_ms=9.2e18)
    tokens = RunBuilder("huge-tokens", "hostile").start().tool("a")
    for _ in range(6):
        tokens.llm(prompt_tokens=2 ** 63 - 1).tool("a")
    injection = RunBuilder("negative-count", "hostile").start(injection_signal={"matched_pattern_count": -5})
    many = RunBuilder("many-events", "hostile").start()
    for n in range(240):
        many.tool("t%d" % (n % 3), success=False)
    identifier = RunBuilder(random_hex(6000), "hostile").start().tool("a")
    agent = RunBuilder("huge-agent", random_hex(6000)).start().tool("a")
    return [(run.run_id[:20], run.complete().events) for run in (evidence, name, times, tokens, injection, many, identifier, agent)]


def hostile_bodies():
    """Texts that are no valid batch; each must be answered with 4xx."""
    event = '{"event_type":"run.started","run_id":"r","agent_id":"a","agent_version":"v","step_index":%s,"payload":%s}'
    batch = '{"agent_id":"a","events":[%s]}'
    yield from ("", "{", "[]", "null", '{"agent_id":"a"}', batch % "", batch % "1", "\x00", '{"agent_id":"a","events":{}}')
    yield from (batch % (event % (step, "{}")) for step in ("-1", "1.5", '"x"', "null", "true", "2147483648", "1e400", "[]"))
    yield from (batch % (event % ("0", payload)) for payload in ("[]", '"x"', "1", "{" , '{"a":' * 200 + "1" + "}" * 200))
    yield batch % (event % ("0", "{}")).replace("run.started", "run.begun")
    yield batch % ",".join([event % ("0", "{}")] * 501)


class HostileInput(unittest.TestCase):
    def test_the_host_survives_and_goes_on(self):
        with Host(stall_timeout_secs=2) as host:
            for what, events in hostile_runs():
                with self.subTest(what):
                    status, body = host.post_text(json.dumps({"agent_id": "hostile", "events": events}))
                    self.assertIn(status, (202, 413, 422), body[:300])
                    if status == 202 and len(events[0]["run_id"]) < 1000 and events[0]["agent_id"] == "hostile":
                        detail = wait_until(lambda: host.judged(events[0]["run_id"]), 20, "%s is processed" % what, host.log_tail)
                        self.assertEqual({s["failure_type"] for s in detail["signals"] if not s["shadow"]}, set(evaluate(events).signals))
            for body in hostile_bodies():
                with self.subTest(body[:120]):
                    status, answer = host.post_text(body)
                    self.assertEqual(status, 422, answer[:300])
                    self.assertIn("detail", json.loads(answer))
            healthy = loop_run("after-the-storm")
            host.post(healthy.events)
            host.wait_processed({"after-the-storm": 1}, timeout_s=20)
            self.assertEqual(compare_run(host, healthy.run_id, healthy.events)[0], [])

    def test_the_longest_loop_is_not_lost(self):
        """A run of many batches, whose evidence is a long list: judged as any other."""
        run = RunBuilder("long-loop", "long").start(tools=["search"])
        for n in range(1500):
            run.llm(100 + n).tool("search", args_hash="%016x" % (n // 1490))
        events = run.complete().events
        with Host(stall_timeout_secs=60) as host:
            for start in range(0, len(events), 500):
                host.post(events[start:start + 500])
            host.wait_processed({"long": 1}, timeout_s=30)
            self.assertEqual(compare_run(host, "long-loop", events)[0], [])


if __name__ == "__main__":
    unittest.main()
