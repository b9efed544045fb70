"""The tools for one plugin say what it did when it crashes, exits or hangs, and what is wrong with their arguments.
Usage: test_tools.py DUNETRACE DIRECTORY_OF_BREAKERS DIRECTORY_OF_PLUGINS. Called by ctest (label conformance)."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

DUNETRACE, BREAKERS, PLUGINS = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])

# `empty_run` crashes on a run without tool calls.
CASES = """detector: breaker
cases:
  - name: no tools
    run: [{start: {}}, {llm: }, {completed: }]
    expect: []
  - name: three tools
    run: [{start: {}}, {tool: a, out: 900, times: 3}, {completed: }]
    expect: [{severity: LOW, evidence: {count: 3}}]
"""
WRONG = """cases:
  - name: a
    run:
      - {tool: search, prompt: 5, ok: maybe}
      - {tool: search, times: 0}
      - {tool: search, times: -3, latency_ms: fast}
      - {tool: search, out: many}
      - {tol: search}
      - {llm: m, results: 3}
    expect: [{severity: HIGHT, step: x, text: {titel: [a]}}]
  - name: b
    params: 7
    run: []
"""


class Tools(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = pathlib.Path(temporary.name)

    def run_tool(self, *arguments):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.directory)}
        done = subprocess.run([DUNETRACE, *map(str, arguments)], capture_output=True, timeout=100, cwd=self.directory, env=environment)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def expect(self, code, *arguments):
        got, out, err = self.run_tool(*arguments)
        self.assertEqual(got, code, out + err)
        self.assertNotIn('{"ts"', err)
        return out + err

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def run_file(self, tools=0):
        base = {"run_id": "r-7", "agent_id": "shop", "agent_version": "v1"}
        events = [{**base, "event_type": "run.started", "step_index": 0}]
        events += [{**base, "event_type": "tool.called", "step_index": n, "payload": {"tool_name": "t"}} for n in range(1, tools + 1)]
        return self.write("run.json", json.dumps({"events": events}))

    def test_run_survives(self):
        out = self.expect(1, "plugin", "run", BREAKERS / "empty_run.so", "--run", self.run_file())
        self.assertRegex(out, r"breaker: .*SIGSEGV.* in detect\(\)")
        self.assertRegex(self.expect(1, "plugin", "run", BREAKERS / "hang.so", "--run", self.run_file()), r"breaker: ran for more than .* in detect\(\)")
        self.assertRegex(self.expect(1, "plugin", "run", BREAKERS / "exit.so", "--run", self.run_file()), r"breaker: ended its process .*in detect\(\)")

    def test_later_cases_still_run(self):
        out = self.expect(1, "plugin", "test", BREAKERS / "empty_run.so", "--cases", self.write("cases.yml", CASES))
        self.assertIn("FAIL  no tools", out)
        self.assertIn("SIGSEGV", out)
        self.assertIn("pass  three tools", out)
        self.assertIn("2 cases, 1 failed", out)
        out = self.expect(1, "plugin", "test", BREAKERS / "stride.so", "--cases", self.write("cases.yml", CASES))
        self.assertIn("padded records", out)

    def test_backtest_names_the_culprit(self):
        runs = self.write("runs.ndjson", json.dumps(json.loads(self.run_file().read_text())) + "\n")
        for rule, what in (("empty_run", "breaker crashed (SIGSEGV) in run r-7"), ("exit", "breaker ended the process in run r-7"),
                           ("hang", "breaker did not come back within 10 s of processor time in run r-7")):
            with self.subTest(rule):
                self.assertIn(what, self.expect(1, "backtest", "--plugin", BREAKERS / f"{rule}.so", "--from", runs))

    def test_backtest_arguments(self):
        runs = self.write("runs.ndjson", json.dumps(json.loads(self.run_file().read_text())) + "\n")
        self.assertIn("(1 run, 1 event, 1 day with runs)", self.expect(0, "backtest", "--plugin", BREAKERS / "nothing.so", "--from", runs))
        self.assertIn("--agent nobody: none of the 1 runs", self.expect(0, "backtest", "--from", runs, "--agent", "nobody"))
        self.assertIn("expected a whole number, at least 0, got '-1'", self.expect(2, "backtest", "--from", runs, "--max-new", "-1"))
        self.assertIn("brings no detector", self.expect(2, "backtest", "--plugin", BREAKERS / "desk.so", "--from", runs))

    def test_describe_survives(self):
        self.assertIn("constructor.so", self.expect(1, "plugin", "describe", BREAKERS / "constructor.so"))

    def test_every_mistake_of_a_case_is_named(self):
        file = self.write("cases.yml", WRONG)
        out = self.expect(2, "plugin", "test", BREAKERS / "nothing.so", "--cases", file)
        for line, text in ((1, "detector is missing"), (4, "unknown key 'prompt' in an entry with tool"), (4, "ok: expected true or false, got 'maybe'"),
                           (5, "times: expected a whole number from 1"), (6, "times: expected a whole number from 1"),
                           (6, "latency_ms: expected a whole number, at least 0, got 'fast'"), (7, "out: expected a whole number"),
                           (8, "did you mean 'tool'"), (9, "unknown key 'results' in an entry with llm"), (10, "did you mean 'HIGH'"),
                           (10, "step: expected"), (10, "did you mean 'title'"), (11, "a case needs run and expect"),
                           (12, "params: expected a mapping")):
            with self.subTest(text):
                self.assertRegex(out, rf"cases\.yml:{line}:\d+: .*{text}".replace("(", r"\("))
        self.assertNotIn("bad conversion", out)
        self.assertIn("no such file", self.expect(2, "plugin", "test", BREAKERS / "nothing.so", "--cases", "none.yml"))

    def test_out_of_a_tool_is_its_output_length(self):
        # Nothing shows a tool's output length but a detector that reads it; that it is taken is in CASES.
        out = self.expect(0, "plugin", "test", BREAKERS / "nothing.so", "--cases", self.write("cases.yml", CASES))
        self.assertIn("2 cases, 0 failed", out)

    def test_check_refuses_wrong_arguments(self):
        loop = PLUGINS / "tool_loop.so"
        for arguments, text in ((("--run", "none.json"), "none.json: no such file"), (("--cases", "none.yml"), "none.yml: no such file"),
                                (("--param", "threshold=x"), "--param threshold: "), (("--param", "threshold=0"), "--param threshold: "),
                                (("--param", "treshold=3"), "did you mean 'threshold'")):
            with self.subTest(arguments):
                out = self.expect(2, "plugin", "check", loop, *arguments)
                self.assertIn(text, out)
                self.assertEqual(out.count("\n"), 1, out)
        self.assertIn("this is no ELF file", self.expect(2, "plugin", "check", self.write("text.so", "hello")))
        cut = self.directory / "cut.so"
        cut.write_bytes(loop.read_bytes()[:5000])
        self.assertEqual(self.expect(2, "plugin", "check", cut).count("\n"), 1)

    def test_flags_of_other_kinds(self):
        run = self.run_file(5)
        loop = PLUGINS / "tool_loop.so"
        for flag in (("--attempt", "2"), ("--allow", "https://a.invalid")):
            self.assertIn(flag[0] + " is for", self.expect(2, "plugin", "run", loop, "--run", run, *flag))
        self.assertIn("--action is for integrations", self.expect(2, "plugin", "run", loop, "--action", "x"))
        self.assertIn("--param threshold: ", self.expect(2, "plugin", "run", loop, "--run", run, "--param", "window=5", "--param", "threshold=x"))
        self.assertIn("expected one run", self.expect(2, "plugin", "run", loop, "--run", "none.json"))
        self.assertIn("scored by the host", self.expect(0, "plugin", "run", loop, "--run", run))
        self.assertIn("see dunetrace plugin run --help", self.expect(2, "plugin", "run", loop, "--nonsense"))
        self.assertIn("cases are for detectors", self.expect(2, "plugin", "test", BREAKERS / "desk.so"))
        self.assertIn("'tool_loop'", self.expect(2, "plugin", "new", "detector", "tool_loop"))
        self.assertFalse((self.directory / "tool_loop").exists())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
