"""A detector more touches one folder: plugins/detectors/<id>/.

A tree that differs from this one in that folder alone is configured, and the detector in it is built; then the program
and the tests of this build, which know nothing of it, get it into their plugin directory. Its parameters need no line in
detectors.yml, its findings stay in shadow, and what the other detectors are compared with does not change.
"""
import json
import os
import pathlib
import shutil
import subprocess
import unittest

from harness import BINARY, REPOSITORY, Host, make_data_dir, run_dunetrace
from random_runs import generate
from reference import FAILURE_TYPES, by_unknown_detectors, evaluate
from run_builder import RunBuilder
from test_judgements import differences, judged

BUILD = pathlib.Path(os.environ.get("DUNETRACE_BUILD_DIR", REPOSITORY / "build/release"))
FOLDER = pathlib.Path(__file__).with_name("sixteenth") / "tool_hopping"
ID, TYPE = "tool_hopping", "TOOL_HOPPING"


def linked(source, target, but=()):
    """Everything of `source` in `target`, as links."""
    target.mkdir()
    for entry in source.iterdir():
        if entry.name not in but:
            (target / entry.name).symlink_to(entry)


class Sixteenth(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(make_data_dir())
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        tree = cls.directory / "tree"
        linked(REPOSITORY, tree, but=("build", ".git", "plugins"))
        linked(REPOSITORY / "plugins", tree / "plugins", but=("detectors",))
        linked(REPOSITORY / "plugins/detectors", tree / "plugins/detectors")
        shutil.copytree(FOLDER, tree / "plugins/detectors" / ID)
        cls.tree, cls.build = tree, cls.directory / "build"
        cls.call("cmake", "-S", tree, "-B", cls.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DDUNETRACE_BENCH=OFF",
                 "-DDUNETRACE_WERROR=ON")
        cls.call("cmake", "--build", cls.build, "--target", "plugin_" + ID)
        cls.plugins = cls.directory / "own"
        shutil.copytree(BINARY.parents[1] / "lib/dunetrace/plugins", cls.plugins)
        shutil.copy(cls.build / "lib/dunetrace/plugins" / (ID + ".so"), cls.plugins)
        cls.env = {"DUNETRACE_PLUGIN_DIR": str(cls.plugins)}
        shutil.copy(REPOSITORY / "detectors.yml", cls.directory)
        cls.command("plugins", "lock", "--own", cls.plugins)

    @staticmethod
    def call(*command):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=500)
        if done.returncode != 0:
            raise AssertionError("%s ended with %d:\n%s" % (command, done.returncode, (done.stdout + done.stderr)[-4000:]))
        return done.stdout

    @classmethod
    def command(cls, *arguments):
        code, out, err = run_dunetrace(*map(str, arguments), data_dir=cls.directory, env=cls.env)
        if code != 0:
            raise AssertionError("%s ended with %d: %s" % (arguments, code, out + err))
        return out

    def shown(self, config="default: {}\n"):
        (self.directory / "mine.yml").write_text(config)
        return json.loads(self.command("detectors", "show", ID, "--config", self.directory / "mine.yml", "--json"))["detectors"][0]

    def test_its_golden_cases_come_with_it_and_pass(self):
        self.assertIn("golden_" + ID, self.call("ctest", "--test-dir", self.build, "-N", "-R", "golden_"))
        runner = BUILD / "tests/golden_runner"
        self.assertIn("2 cases, 0 failed", self.call(runner, self.tree / "plugins/detectors" / ID / "cases.yml", self.plugins))
        self.call(runner, REPOSITORY / "tests/golden/spec_section_9.yml", self.plugins)

    def test_its_defaults_are_its_own_and_it_starts_in_shadow(self):
        shown = self.shown()
        self.assertEqual(shown["failure_types"], {TYPE: "shadow"})
        self.assertEqual({s["key"]: (s["value"], s["from"]) for s in shown["settings"]}["min_tools"], (2, "detector"))
        self.assertEqual(self.shown("default: {%s: {shadow: false}}\n" % ID)["failure_types"], {TYPE: "live"})

    def test_the_reference_page_stays_as_it_is_and_its_own_is_there(self):
        self.assertEqual(self.command("plugin", "doc"), (REPOSITORY / "docs/detectors.md").read_text())
        self.assertIn("| `min_tools` | `2` |", self.command("plugin", "doc", self.plugins / (ID + ".so")))

    def test_the_others_are_compared_as_before(self):
        runs = list(generate(3, 600))
        fired = 0
        for run, signals in zip(runs, judged(runs, [{}] * len(runs), self.plugins)):
            unknown = by_unknown_detectors(signals)
            self.assertEqual({s["failure_type"] for s in unknown} - {TYPE}, set())
            self.assertEqual(differences(evaluate(run.events, others=len(unknown)), signals), [], run.run_id)
            fired += len(unknown)
        self.assertGreater(fired, 50)

    def test_what_it_finds_is_stored_in_shadow(self):
        run = RunBuilder("r-hopping", "agent").start().llm().llm().tool("a").tool("b").complete()
        with Host(env=self.env) as host:
            host.post(run.events)
            host.wait_processed({"agent": 1})
            signal, = host.run("r-hopping")["signals"]
            self.assertEqual((signal["failure_type"], signal["severity"], signal["shadow"]), (TYPE, "LOW", True))
            self.assertEqual(list(host.pages("agent", "signals")), [])
            self.assertEqual([s["failure_type"] for s in host.pages("agent", "signals", "&include_shadow=true")], [TYPE])
        self.assertNotIn(TYPE, FAILURE_TYPES)


if __name__ == "__main__":
    unittest.main()
