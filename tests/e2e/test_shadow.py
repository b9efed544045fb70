"""Live, shadow and severities as detectors.yml and SHADOW_DETECTORS say, from the file to what the API shows."""
import json
import pathlib
import shutil
import unittest

from harness import Host, make_data_dir, run_dunetrace, wait_until
from run_builder import RunBuilder

CONFIG = """default:
  tool_loop: {shadow: true}
  retry_storm:
    severity: LOW
careful-one:
  tool_loop: {shadow: false, severity: MEDIUM}
team:
  retry_storm: {severity: CRITICAL}
categories: {team: ['careful-*']}
"""
ENV = {"SHADOW_DETECTORS": "FIRST_STEP_FAILURE", "RELOAD_POLL_MS": "50"}


def storm(run_id, agent):
    """A loop, a storm and a failure at the first step, and no more than that."""
    run = RunBuilder(run_id, agent).start()
    for name, success in (("pay", False), ("pay", False), ("pay", False), ("db", True), ("db", True)):
        run.tool(name, success=success)
    return run.complete()


def many(run_id, agent, times, success):
    run = RunBuilder(run_id, agent).start()
    run.step = 5
    for n in range(times):
        run.tool("pay", success=success, args_hash="%016x" % (7 if success else n))
    return run.complete()


def summary(signals):
    return {s["failure_type"]: (s["severity"], s["confidence"], s["shadow"], s["co_signal_count"]) for s in signals}


class Shadow(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(make_data_dir())
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        (cls.directory / "detectors.yml").write_text(CONFIG)
        cls.host = cls.enterClassContext(Host(data_dir=cls.directory, env=ENV))
        for run in (storm("usual", "usual"), storm("careful", "careful-one"), many("loop", "usual", 8, True), many("streak", "usual", 5, False)):
            cls.host.post(run.events)
        cls.host.wait_processed({"usual": 3, "careful-one": 1})

    def test_shadow_is_stored_and_shown_only_when_asked_for(self):
        self.assertEqual(summary(self.host.run("usual")["signals"]), {
            "TOOL_LOOP": ("HIGH", 0.65, True, 3), "RETRY_STORM": ("LOW", 0.65, False, 3), "FIRST_STEP_FAILURE": ("MEDIUM", 1.0, True, 3)})
        plain = self.host.api("/v1/runs/usual")
        self.assertEqual([s["failure_type"] for s in plain["signals"]], ["RETRY_STORM"])
        for extra, expected in (("", {"RETRY_STORM"}), ("&include_shadow=false", {"RETRY_STORM"}),
                                ("&include_shadow=true", {"RETRY_STORM", "TOOL_LOOP", "FIRST_STEP_FAILURE"})):
            listed = {s["failure_type"] for s in self.host.pages("usual", "signals", extra) if s["run_id"] == "usual"}
            self.assertEqual(listed, expected, extra)

    def test_shadow_counts_nowhere(self):
        runs = {r["run_id"]: r for r in self.host.pages("usual", "runs")}
        self.assertEqual({i: (r["signal_count"], r["has_signals"]) for i, r in runs.items()},
                         {"usual": (1, True), "loop": (0, False), "streak": (1, True)})
        agents = {a["agent_id"]: a["signal_count"] for a in self.host.api("/v1/agents")["agents"]}
        self.assertEqual(agents, {"usual": 2, "careful-one": 2})
        in_shadow = self.host.sql_rows(
            "SELECT count(*) FROM issues i WHERE NOT EXISTS (SELECT FROM failure_signals s WHERE NOT s.shadow AND"
            " s.customer_id = i.customer_id AND s.agent_id = i.agent_id AND s.failure_type = i.failure_type)")
        self.assertEqual(int(in_shadow[0][0]), 0, "an issue of which every signal is in shadow")

    def test_an_agents_own_section_wins_over_its_category_and_the_default(self):
        self.assertEqual(summary(self.host.run("careful")["signals"]), {
            "TOOL_LOOP": ("MEDIUM", 0.65, False, 3), "RETRY_STORM": ("CRITICAL", 0.65, False, 3),
            "FIRST_STEP_FAILURE": ("MEDIUM", 1.0, True, 3)})

    def test_what_the_whole_run_makes_of_it_comes_after_the_operators_severity(self):
        self.assertEqual(summary(self.host.run("loop")["signals"]), {"TOOL_LOOP": ("CRITICAL", 0.98, True, 0)})
        self.assertEqual(summary(self.host.run("streak")["signals"]),
                         {"TOOL_LOOP": ("HIGH", 0.95, True, 2), "RETRY_STORM": ("HIGH", 0.95, False, 2)})

    def test_show_says_what_is_in_force_and_where_it_was_said(self):
        def show(*arguments):
            code, out, err = run_dunetrace("detectors", "show", *arguments, data_dir=self.directory, env=ENV)
            self.assertEqual((code, err), (0, ""))
            return out

        def rows(detector, agent):
            shown = json.loads(show(detector, "--agent", agent, "--json"))
            return shown["sections"], shown["detectors"][0]["failure_types"], {
                s["key"]: (s["value"], s["from"], s.get("line")) for s in shown["detectors"][0]["settings"]}

        self.assertEqual(rows("retry_storm", "usual"), (["plugins", "default"], {"RETRY_STORM": "live"}, {
            "enabled": (True, "detector", None), "shadow": (False, "detector", None), "severity": ("LOW", "default", 4),
            "timeout_ms": (50, "detector", None), "threshold": (3, "detector", None)}))
        sections, types, settings = rows("tool_loop", "careful-one")
        self.assertEqual((sections, types), (["plugins", "default", "team", "careful-one"], {"TOOL_LOOP": "live"}))
        self.assertEqual((settings["shadow"], settings["severity"]), ((False, "careful-one", 6), ("MEDIUM", "careful-one", 6)))
        self.assertEqual(rows("retry_storm", "careful-two")[2]["severity"], ("CRITICAL", "team", 8))
        self.assertEqual(rows("first_step_failure", "careful-one")[1:],
                         ({"FIRST_STEP_FAILURE": "shadow"}, {
                             "enabled": (True, "detector", None), "shadow": (True, "SHADOW_DETECTORS", None),
                             "severity": (None, "detector", None), "timeout_ms": (50, "detector", None),
                             "max_step": (2, "detector", None)}))
        text = show("tool_loop", "--agent", "careful-one")
        self.assertIn("tool_loop: TOOL_LOOP live", text)
        self.assertRegex(text, r"severity +MEDIUM +\S*detectors.yml:6 \(careful-one\)")
        self.assertRegex(text, r"window +5 +the detector's default")
        code, _, err = run_dunetrace("detectors", "show", "tool_lop", data_dir=self.directory, env=ENV)
        self.assertEqual(code, 2)
        self.assertIn("did you mean 'tool_loop'", err)


class Reload(unittest.TestCase):
    def test_a_change_is_taken_over_while_the_host_runs(self):
        directory = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        file = directory / "detectors.yml"
        file.write_text("")
        with Host(data_dir=directory, env=ENV) as host:
            expected = ("HIGH", 0.65, False, 3)
            for number, text in enumerate((
                    "", "default: {tool_loop: {shadow: true}}\n", "default: {tool_loop: {shadow: true}}\nusual: {tool_loop: {shadow: false, severity: LOW}}\n",
                    "default: {tool_loop: {severity: loud}}\n")):
                expected = (expected, ("HIGH", 0.65, True, 3), ("LOW", 0.65, False, 3), ("LOW", 0.65, False, 3))[number]
                file.write_text(text)

                def found(attempt=[0]):
                    attempt[0] += 1
                    run_id = "run-%d-%d" % (number, attempt[0])
                    host.post(storm(run_id, "usual").events)
                    detail = wait_until(lambda: host.judged(run_id), 20, "the run is judged", host.log_tail)
                    return summary(detail["signals"])["TOOL_LOOP"] == expected

                wait_until(found, 30, "the change is in force: " + text, host.log_tail)
            wait_until(lambda: "tool_loop.severity: expected one of LOW, MEDIUM, HIGH, CRITICAL, got 'loud'" in
                       (directory / "dunetrace.log").read_text(), 20, "the mistake is in the log", host.log_tail)


if __name__ == "__main__":
    unittest.main()
