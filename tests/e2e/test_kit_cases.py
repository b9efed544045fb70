"""`dunetrace plugin test`: finds the library and the cases, says what differs, and with which exit code."""
import pathlib
import shutil
import unittest

from harness import BINARY, make_data_dir, run_dunetrace

PLUGINS = BINARY.parents[1] / "lib/dunetrace/plugins"

PASSING = """detector: tool_loop
cases:
  - name: three of five
    run: [{start: {}}, {tool: a, args: x}, {tool: b}, {tool: a}, {tool: a}, {tool: c}, {completed: }]
    expect: [{severity: HIGH, confidence: 0.5, evidence: {tool: a, count: 3}, text: {title: [a]}}]
  - name: a threshold beyond the window
    params: {window: 5, threshold: 6}
    refused: must not exceed
"""
FAILING = """detector: tool_loop
cases:
  - name: five calls
    run: [{start: {}}, {tool: a, times: 5}, {completed: }]
    expect: [{severity: LOW, confidence: 0.1, step: 9, evidence: {count: 4}, without: [tool], text: {title: [zebra]}}]
  - name: nothing expected
    run: [{start: {}}, {tool: a, times: 5}, {completed: }]
    expect: []
  - name: nothing found
    run: [{start: {}}, {completed: }]
    expect: [{}]
  - name: parameters that are fine
    params: {window: 5, threshold: 5}
    refused: must not exceed
"""


class PluginTest(unittest.TestCase):
    def setUp(self):
        self.project = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, self.project, ignore_errors=True)
        (self.project / "build").mkdir()
        (self.project / "build").chmod(0o755)

    def library(self, place="build/loop.so"):
        path = self.project / place
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        shutil.copyfile(PLUGINS / "tool_loop.so", path)
        path.chmod(0o644)
        return path

    def outcome(self, *arguments):
        code, out, err = run_dunetrace("plugin", "test", *map(str, arguments), data_dir=self.project)
        return code, out + err

    def test_passes(self):
        self.library()
        (self.project / "cases.yml").write_text(PASSING)
        code, out = self.outcome(".")
        self.assertEqual((code, out), (0, "pass  three of five\npass  a threshold beyond the window\n2 cases, 0 failed\n"))

    def test_names_every_difference(self):
        self.library()
        (self.project / "cases").mkdir()
        (self.project / "cases/wrong.yml").write_text(FAILING)
        code, out = self.outcome(self.project)
        self.assertEqual(code, 1, out)
        for part in ("FAIL  five calls", "cases/wrong.yml:3", "severity: expected LOW, found HIGH", "confidence: expected 0.1, found 0.76",
                     "step: expected 9, found 5", "evidence.count: expected 4, found 5", "evidence.tool: must not be there",
                     "expected 'zebra' in", "TOOL_LOOP: not expected, found", "TOOL_LOOP: expected, not found",
                     "the parameters were accepted", "4 cases, 4 failed"):
            self.assertIn(part, out)

    def test_finds_what_belongs_together(self):
        library = self.library("target/release/libloop.so")
        (self.project / "cases.yml").write_text(PASSING)
        for arguments in ([self.project], [library], [self.project, "--plugin", library],
                          [library, "--cases", self.project / "cases.yml"]):
            with self.subTest(arguments):
                self.assertEqual(self.outcome(*arguments)[0], 0)

    def test_a_recorded_run(self):
        self.library()
        (self.project / "run.json").write_text('[{"event_type":"run.started","run_id":"r","agent_id":"a","agent_version":"v","step_index":0}' + "".join(
            ',{"event_type":"tool.called","run_id":"r","agent_id":"a","agent_version":"v","step_index":%d,"payload":{"tool_name":"t"}}' % n
            for n in range(1, 6)) + "]")
        (self.project / "cases.yml").write_text("detector: tool_loop\ncases: [{name: n, run: {file: run.json}, expect: [{step: 5}]}]\n")
        self.assertEqual(self.outcome(".")[0], 0)
        (self.project / "run.json").write_text("[]")
        code, out = self.outcome(".")
        self.assertEqual(code, 2, out)
        self.assertIn("run.json", out)

    def test_refuses_runs_beyond_every_limit(self):
        self.library()
        for run, said in (
            ("[" + ", ".join(["{tool: a, times: 100000}"] * 10) + "]", "the run has more than 250000 events"),
            ("[{tool: a, step: 2147483647}, {tool: b}]", "the step index would be larger than 2147483647"),
            ("{file: /dev/zero}", "/dev/zero: no such file; expected a recorded run"),
        ):
            with self.subTest(said):
                (self.project / "cases.yml").write_text("detector: tool_loop\ncases:\n  - {name: n, run: %s, expect: []}\n" % run)
                code, out = self.outcome(".")
                self.assertEqual(code, 2, out)
                self.assertRegex(out, r"cases.yml:3:\d+: " + said)

    def test_refuses_what_makes_no_sense(self):
        self.assertIn("no build/*.so", self.outcome(".")[1])
        self.library()
        self.assertIn("no cases.yml", self.outcome(".")[1])
        (self.project / "cases.yml").write_text(PASSING.replace("tool_loop", "slow_step"))
        self.assertIn("'slow_step', which", self.outcome(".")[1])
        (self.project / "cases.yml").write_text(PASSING + "    colour: red\n")
        code, out = self.outcome(".")
        self.assertEqual(code, 2)
        self.assertRegex(out, r"cases.yml:\d+:\d+: unknown key 'colour'")
        self.library("build/other.so")
        self.assertIn("--plugin", self.outcome(".")[1])
        self.assertIn("no such file", self.outcome("/nowhere")[1])


if __name__ == "__main__":
    unittest.main()
