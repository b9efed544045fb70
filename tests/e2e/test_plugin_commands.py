"""`dunetrace plugin describe`, `run` and `doc`; docs/detectors.md is what `doc` writes today."""
import json
import pathlib
import shutil
import unittest

from harness import BINARY, REPOSITORY, make_data_dir, run_dunetrace
from reference import evaluate

PLUGINS = BINARY.parents[1] / "lib/dunetrace/plugins"
PAGE = REPOSITORY / "docs/detectors.md"


class PluginCommands(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def plugin(self, *arguments):
        return run_dunetrace("plugin", *map(str, arguments), data_dir=self.directory)

    def expect(self, code, *arguments):
        got, out, err = self.plugin(*arguments)
        self.assertEqual(got, code, out + err)
        return out if code == 0 else err

    def write(self, name, value):
        path = self.directory / name
        path.write_text(value if isinstance(value, str) else json.dumps(value, indent=2))
        return path

    @staticmethod
    def loop(calls=5):
        base = {"run_id": "r-1", "agent_id": "shop", "agent_version": "v1"}
        events = [{**base, "event_type": "run.started", "step_index": 0, "timestamp": 1767225600.0}]
        events += [{**base, "event_type": "tool.called", "step_index": n, "timestamp": 1767225600.0 + n,
                    "payload": {"tool_name": "search", "args_hash": "3b7b5a17b6341261"}} for n in range(1, calls + 1)]
        return events

    def test_describe(self):
        out = self.expect(0, "describe", PLUGINS / "tool_loop.so")
        for part in ("dunetrace.tool_loop 1.0.0", "ABI 1.0", "detector tool_loop: Tool loop", "emits TOOL_LOOP",
                     "threshold (whole number), 1 to 10000 calls, default 3"):
            self.assertIn(part, out)
        for file in sorted(PLUGINS.glob("*.so")):
            described = json.loads(self.expect(0, "describe", "--json", file))
            component = described["components"][0]
            self.assertEqual(component["id"], file.stem)
            self.assertEqual(component["signal_types"], [file.stem.upper()])
            self.assertEqual([t["problems"] for t in component["templates"]], [[]])
            self.assertTrue(all({"name", "type", "default", "min", "max", "unit", "doc"} <= p.keys() for p in component["parameters"]))

    def test_describe_refuses_what_is_no_plugin(self):
        self.assertIn("No such file", self.expect(2, "describe", "/none.so"))
        self.assertIn("is no ELF library", self.expect(2, "describe", self.write("text.so", "hello")))
        file = shutil.copy(PLUGINS / "tool_loop.so", self.directory)
        pathlib.Path(file).chmod(0o777)
        self.assertIn("everybody may write to it", self.expect(2, "describe", file))

    def test_run_finds_what_the_reference_finds(self):
        events = self.loop()
        expected = evaluate(events).signals["TOOL_LOOP"]
        for run in (events, {"run_id": "r-1", "events": events}):
            out = self.expect(0, "run", PLUGINS / "tool_loop.so", "--run", self.write("run.json", run))
            self.assertIn("TOOL_LOOP %s confidence " % expected.severity, out)
            evidence = json.loads(out.split("evidence: ")[1])
            self.assertEqual((evidence["tool"], evidence["count"]), ("search", 5))
        self.assertEqual(self.expect(0, "run", PLUGINS / "retry_storm.so", "--run", self.directory / "run.json"), "nothing found\n")

    def test_run_with_parameters_and_explanation(self):
        run = self.write("run.json", self.loop(7))
        command = ("run", PLUGINS / "tool_loop.so", "--run", run)
        self.assertEqual(self.expect(0, *command, "--param", "window=8"), "nothing found\n")
        out = self.expect(0, *command, "--param", "window=7", "--param", "threshold=7", "--param", "severity=LOW", "--explain")
        self.assertIn("TOOL_LOOP LOW", out)
        self.assertIn("`search` called 7 times", out)
        self.assertIn("fix: ", out)
        for param, expected in (("treshold=3", "did you mean 'threshold'"), ("threshold=x", "whole number"), ("threshold=0", "threshold"),
                                ("threshold=9", "must not exceed window"), ("threshold", "name=value"), ("a: b=1", "name=value"),
                                ("threshold=3\nwindow: 2", "name=value"), ("threshold=[", "--param")):
            with self.subTest(param=param):
                self.assertIn(expected, self.expect(2, *command, "--param", param))

    def test_run_of_something_else(self):
        for text, expected in (("", "Field required"), ("{", "is no JSON"), ("[]", "at least 1 item"), ("7", "dictionary"),
                               ('[{"event_type":"no.such"}]', "events.0.event_type"), ("[" * 100_000, "is no JSON")):
            with self.subTest(text=text[:40]):
                err = self.expect(2, "run", PLUGINS / "tool_loop.so", "--run", self.write("run.json", text))
                self.assertIn(expected, err)
                self.assertIn("run.json", err)
        self.expect(2, "run", PLUGINS / "tool_loop.so", "--run", self.directory / "none.json")
        self.expect(2, "run", PLUGINS / "tool_loop.so")

    def test_the_reference_page_is_current(self):
        self.assertEqual(PAGE.read_text(), self.expect(0, "doc"), "write it again: dunetrace plugin doc > docs/detectors.md")

    def test_the_reference_page_of_chosen_plugins(self):
        page = self.expect(0, "doc", PLUGINS / "tool_loop.so", PLUGINS / "retry_storm.so")
        self.assertEqual([line for line in page.splitlines() if line.startswith("## ")], ["## retry_storm", "## tool_loop"])


if __name__ == "__main__":
    unittest.main()
