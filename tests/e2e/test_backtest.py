"""`dunetrace backtest` against the independent implementation: which runs a changed threshold lets fire or silences.

Recorded runs of real agents where they are at hand (DUNETRACE_REAL_RUNS), random ones always; the same bytes every time,
exit codes, hostile files, and the database that an end-to-end host has filled.
"""
import gzip
import json
import pathlib
import shutil
import unittest

import reference
import reference_replay
from harness import BINARY, REPOSITORY, Host, make_data_dir, run_dunetrace
from post_real_runs import DATA, read_runs
from random_runs import generate

FILES = ("tau-airline", "intercode-bash", "intercode-sql-gpt4", "swe-agent-demos")
# One changed parameter each: detector, name, value.
CHANGES = (("tool_loop", "threshold", 4), ("tool_loop", "window", 8), ("tool_thrashing", "window", 4),
           ("tool_avoidance", "min_llm_calls", 3), ("goal_abandonment", "stall_steps", 2),
           ("llm_truncation_loop", "threshold", 1), ("context_bloat", "growth_factor", 2.0), ("context_bloat", "min_calls", 6),
           ("slow_step", "llm_ms", 900), ("retry_storm", "threshold", 2), ("cascading_tool_failure", "threshold", 2),
           ("first_step_failure", "max_step", 4), ("reasoning_stall", "ratio_threshold", 2.5), ("reasoning_stall", "min_llm_calls", 8))


def config_text(detector, name, value):
    return "default:\n  %s: {%s: %s}\n" % (detector, name, value)


def firing(runs, detector, **parameters):
    """Ids of the runs in which the reference lets the detector fire."""
    rule = getattr(reference, detector)
    return {r["run_id"] for r in runs if rule(reference_replay.replay(r["events"]), **parameters) is not None}


def known(report):
    """The rows of the detectors that the reference has, too."""
    return [row for row in report["detectors"] if row["failure_type"] in reference.FAILURE_TYPES]


class Backtest(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        (self.directory / "detectors.yml").write_text("")

    def run_it(self, *arguments, env=None):
        return run_dunetrace("backtest", *map(str, arguments), data_dir=self.directory, env=env)

    def write(self, name, content):
        path = self.directory / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def report(self, *arguments, env=None):
        code, out, err = self.run_it("--json", *arguments, env=env)
        self.assertEqual((code, err), (0, ""))
        return json.loads(out)

    def check_change(self, path, runs, detector, name, value):
        report = self.report("--from", path, "--config", self.write("new.yml", config_text(detector, name, value)))
        now, would = firing(runs, detector), firing(runs, detector, **{name: value})
        self.assertEqual((report["runs"], report["events"]), (len(runs), sum(len(r["events"]) for r in runs)))
        self.assertEqual(report["skipped"], {"count": 0, "first": []})
        rows = known(report)
        self.assertEqual(len(rows), len(reference.DETECTORS))
        for row in rows:
            changed = row["detector"] == detector
            with self.subTest(file=path.name, changed="%s.%s" % (detector, name), row=row["failure_type"]):
                self.assertEqual([r["run_id"] for r in row["newly_firing"]], sorted(would - now) if changed else [])
                self.assertEqual([r["run_id"] for r in row["silenced"]], sorted(now - would) if changed else [])
                if changed:
                    self.assertEqual((row["current"]["fires"], row["proposed"]["fires"]), (len(now), len(would)))
        return len(would ^ now)


class RecordedRuns(Backtest):
    def test_names_exactly_the_runs_that_the_reference_names(self):
        paths = [DATA / (name + ".ndjson.gz") for name in FILES]
        missing = [str(path) for path in paths if not path.exists()]
        if missing:
            self.skipTest("no recorded runs at %s (set DUNETRACE_REAL_RUNS to their folder)" % missing[0])
        different = {}
        for path in paths:
            runs = read_runs(path)
            for change in CHANGES:
                different[change[:2]] = different.get(change[:2], 0) + self.check_change(path, runs, *change)
        print("changed runs by parameter:", {".".join(k): n for k, n in different.items()})
        self.assertGreater(different["tool_loop", "threshold"], 0)

    def test_counts_per_detector_are_those_of_the_reference(self):
        path = DATA / "tau-airline.ndjson.gz"
        if not path.exists():
            self.skipTest("no recorded runs at %s (set DUNETRACE_REAL_RUNS to their folder)" % path)
        runs = read_runs(path)
        for row in known(self.report("--from", path)):
            self.assertEqual(row["current"]["fires"], len(firing(runs, row["detector"])), row["failure_type"])


class RandomRuns(Backtest):
    @staticmethod
    def runs(count=400, seed=3):
        return [{"run_id": reference_replay.stored_text(run.run_id), "events": run.events} for run in generate(seed, count)]

    def test_names_exactly_the_runs_that_the_reference_names(self):
        runs = self.runs()
        path = self.write("runs.ndjson", "".join(json.dumps(run) + "\n" for run in runs))
        for change in CHANGES:
            self.check_change(path, runs, *change)

    def test_reads_both_forms_packed_or_not_alike(self):
        runs = self.runs(50)
        lines = "".join(json.dumps(run) + "\n" for run in runs)
        events = "".join(json.dumps(event) + "\n" for run in runs for event in run["events"])
        change = self.write("new.yml", config_text("tool_loop", "threshold", 4))
        reports = []
        for text in (lines.encode(), gzip.compress(lines.encode()), events.encode(), gzip.compress(events.encode())):
            report = self.report("--from", self.write("runs", text), "--config", change)
            reports.append(report)
        for report in reports[1:]:
            self.assertEqual(report, reports[0])


class Commands(Backtest):
    LOOP = [{"event_type": "run.started", "step_index": 0}] + [
        {"event_type": "tool.called", "step_index": step, "payload": {"tool_name": "search", "args_hash": "3b7b5a17b6341261"}}
        for step in range(1, 6)] + [{"event_type": "run.completed", "step_index": 6}]

    def loops(self, count=3):
        out = []
        for number in range(count):
            run_id = "loop-%d" % number
            out.append({"run_id": run_id, "events": [
                {"run_id": run_id, "agent_id": "shop", "agent_version": "v1", "timestamp": 1767225600.0 + number * 60 + i,
                 "payload": {}, **event} for i, event in enumerate(self.LOOP)]})
        return self.write("loops.ndjson", "".join(json.dumps(run) + "\n" for run in out))

    def test_same_input_same_bytes(self):
        path, change = self.loops(500), self.write("new.yml", config_text("tool_loop", "threshold", 5))
        for form in ((), ("--json",)):
            outputs = {self.run_it("--from", path, "--config", change, *form)[1] for _ in range(5)}
            self.assertEqual(len(outputs), 1)

    def test_golden_reports(self):
        golden = REPOSITORY / "tests/golden/backtest"
        for name in ("runs.ndjson", "current.yml", "proposed.yml"):
            shutil.copy(golden / name, self.directory)
        command = ("--from", "runs.ndjson", "--config", "proposed.yml")
        own = self.directory / "own"  # a detector that is new has no row in what is kept here
        own.mkdir()
        for rule in reference.DETECTORS:
            shutil.copy(BINARY.parents[1] / "lib/dunetrace/plugins" / (rule.__name__ + ".so"), own)
        code, out, err = run_dunetrace("plugins", "lock", "--own", str(own), data_dir=self.directory)
        self.assertEqual(code, 0, out + err)
        for form, expected in (((), "expected.txt"), (("--json",), "expected.json")):
            code, out, err = self.run_it(*command, *form, env={"DETECTOR_CONFIG": "current.yml", "DUNETRACE_PLUGIN_DIR": str(own)})
            self.assertEqual((code, err), (0, ""))
            self.assertEqual(out, (golden / expected).read_text(), expected)

    def test_exit_codes(self):
        path = self.loops()
        quiet, loud = self.write("quiet.yml", "default:\n  tool_loop: {enabled: false}\n"), self.write("loud.yml", "")
        env = {"DETECTOR_CONFIG": str(quiet)}
        run = lambda *arguments: self.run_it("--from", path, *arguments, env=env)
        self.assertEqual(run("--config", loud)[0], 0)
        self.assertEqual(run("--config", loud, "--max-new", 3)[0], 0)
        code, out, err = run("--config", loud, "--max-new", 2)
        self.assertEqual(code, 3)
        self.assertIn("3 newly firing, --max-new allows 2", err)
        self.assertIn("TOOL_LOOP (tool_loop)\n  newly firing (3):\n    loop-0 (shop)\n", out)
        self.assertEqual(run("--config", quiet, "--max-new", 0)[0], 0)
        for wrong in (("--config", self.directory / "none.yml"), ("--max-new", "-1"), ("--max-new", "x"), ("--since", "7"),
                      ("--since", "7y"), ("--since", "-1d"), ("--config", loud, "--plugin", "x.so"), ("--plugin", "/none.so"),
                      ("--plugin", loud), ("--no-such",), ("word",)):
            with self.subTest(arguments=wrong):
                code, out, err = run(*wrong)
                self.assertEqual((code, out), (2, ""), err)
                self.assertTrue(err.startswith("dunetrace: "), err)

    def test_a_wrong_proposal_says_what_is_wrong_with_it(self):
        code, _, err = self.run_it("--from", self.loops(), "--config", self.write("new.yml", config_text("tool_loop", "treshold", 4)))
        self.assertEqual(code, 2)
        self.assertIn("did you mean 'threshold'", err)

    def test_a_proposed_plugin_is_added_or_takes_the_place_of_its_older_self(self):
        built = BINARY.parents[1] / "lib/dunetrace/plugins"
        own = self.directory / "plugins"
        own.mkdir(0o755)
        shutil.copy(built / "retry_storm.so", own)
        code, _, err = run_dunetrace("plugins", "lock", "--own", str(own), data_dir=self.directory)
        self.assertEqual(code, 0, err)
        file = shutil.copy(built / "tool_loop.so", self.directory)
        path = self.loops()
        report = self.report("--from", path, "--plugin", file, env={"DUNETRACE_PLUGIN_DIR": str(own)})
        row = next(row for row in report["detectors"] if row["detector"] == "tool_loop")
        self.assertEqual(row["current"], {"state": "absent", "fires": 0, "alerts": 0, "alerts_per_day": 0.0})
        self.assertEqual(row["proposed"], {"state": "shadow", "fires": 3, "alerts": 0, "alerts_per_day": 0.0})
        self.assertEqual([r["run_id"] for r in row["newly_firing"]], ["loop-0", "loop-1", "loop-2"])
        report = self.report("--from", path, "--plugin", file)
        row = next(row for row in report["detectors"] if row["detector"] == "tool_loop")
        self.assertEqual((row["current"]["state"], row["proposed"]["state"]), ("live", "shadow"))
        self.assertEqual((row["newly_firing"], row["silenced"], len(known(report))), ([], [], 15))
        pathlib.Path(file).chmod(0o666)
        code, _, err = self.run_it("--from", path, "--plugin", file)
        self.assertEqual(code, 2)
        self.assertIn("everybody may write to it", err)

    def test_files_that_are_none(self):
        packed = gzip.compress(self.loops(2000).read_bytes())
        flipped = bytearray(packed)
        flipped[len(flipped) // 2] ^= 0xFF
        for name, content, expected in (("empty", b"", "holds no run"), ("binary", bytes(range(256)) * 50, "holds no run"),
                                        ("cut.gz", packed[:len(packed) // 2], "cannot be unpacked"),
                                        ("flipped.gz", bytes(flipped), "cannot be unpacked"),
                                        ("object", b'{"trace": {}}', "neither a run"), ("deep", b"[" * 1_000_000, "holds no run")):
            with self.subTest(file=name):
                code, out, err = self.run_it("--from", self.write(name, content))
                self.assertEqual((code, out), (2, ""))
                self.assertIn(expected, err)
        for path in (self.directory, self.directory / "missing"):
            self.assertEqual(self.run_it("--from", path)[0], 2)

    def test_a_bomb_is_skipped_line_by_line(self):
        bomb = gzip.compress(b"x" * 200_000_000 + b"\n" + self.loops().read_bytes(), 1)
        report = self.report("--from", self.write("bomb.gz", bomb))
        self.assertEqual((report["runs"], report["skipped"]["count"]), (3, 1))
        self.assertIn("longer than", report["skipped"]["first"][0]["reason"])

    def test_lines_that_ingest_would_refuse_are_named(self):
        path = self.loops()
        path.write_bytes(path.read_bytes() + b'{"events":[{"event_type":"no.such"}]}\n\xff\n')
        report = self.report("--from", path)
        self.assertEqual(report["runs"], 3)
        self.assertEqual([s["where"] for s in report["skipped"]["first"]], ["line 4", "line 5"])
        _, out, _ = self.run_it("--from", path)
        self.assertIn("skipped: 2\n    line 4: ", out)

    def test_the_database_gives_what_a_file_gives(self):
        path = self.loops(20)
        change = self.write("new.yml", config_text("tool_loop", "window", 6))
        runs = read_runs(path)
        with Host() as host:
            for run in runs:
                host.post(run["events"])
            host.post([{**runs[0]["events"][0], "run_id": "open"}])
            host.wait_processed({"shop": 20})
            env = {"DATABASE_URL": "host=%s/run user=dunetrace dbname=dunetrace" % host.data_dir}
            tables = "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM events), (SELECT count(*) FROM failure_signals)"
            before = host.sql_rows(tables)
            stored = self.report("--config", change, env=env)
            again = self.report("--config", change, env=env)
            self.assertEqual(host.sql_rows(tables), before)
            self.assertEqual(self.report("--config", change, "--agent", "other", env=env)["runs"], 0)
        self.assertEqual(stored, again)
        self.assertEqual(stored["runs"], 20)
        self.assertEqual(stored["skipped"]["first"], [{"where": "run open", "reason": "is still going on"}])
        loop = next(row for row in stored["detectors"] if row["detector"] == "tool_loop")
        self.assertEqual([r["run_id"] for r in loop["silenced"]], sorted(run["run_id"] for run in runs))
        filed = self.report("--config", change, "--from", path)["detectors"]
        for row in stored["detectors"]:
            for run in row["newly_firing"] + row["silenced"]:
                run.pop("customer_id")
        self.assertEqual(stored["detectors"], filed)

    def test_without_a_source_it_says_what_it_needs(self):
        code, _, err = self.run_it()
        self.assertEqual(code, 2)
        self.assertIn("DATABASE_URL", err)


if __name__ == "__main__":
    unittest.main()
