"""A running host takes over detectors.yml and an isolated plugin a hundred times, good ones and bad ones, while runs
arrive: no run is lost, none is judged twice, each is judged by exactly one configuration and one build of the plugin, and
those were in force."""
import collections
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time
import unittest
import uuid

from harness import REPOSITORY, Host, make_data_dir, run_dunetrace, wait_until
from run_builder import RunBuilder

CHANGES = 100
POLL_MS = 50
AGENT = "reloaded"
RUNS_PER_BATCH = 4
POSTERS = 2
PAUSE_S = 0.02         # between two batches of one poster: steady load, not as much as goes
SETTLE_S = 20          # for one change to be noticed and read, on a loaded machine
WORKERS = 3            # of detection; each has a runner
BUILDS = 3             # of the plugin
WARM_UP = 25           # changes after which memory and descriptors have their usual size
MORE_DESCRIPTORS = 12  # besides sockets: of runners that happened not to be there the first time
MORE_SOCKETS = 16      # connections to the database are made when they are needed
MORE_MEMORY_MB = 24    # that may stay in use after the rest of the changes
SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


class Configuration:
    """The i-th good configuration: every run shows by its signals which one judged it, with which build of the plugin."""

    def __init__(self, i, plugins=None, build=0):
        self.number, self.plugins, self.build = i, plugins, build
        self.written_at = self.replaced_at = None  # seconds; nothing while it is in force
        self.growth = 2 + i / 100
        self.window = 3 + i % 4
        self.threshold = 2 + i % 3
        self.severity = SEVERITIES[i % 4]
        self.truncation = i % 2 == 0

    def text(self):
        text = """default:
  tool_loop: {threshold: 3, window: %d, severity: %s}
  context_bloat: {growth_factor: %.2f}
  retry_storm: {threshold: %d}
  llm_truncation_loop: {enabled: %s}
""" % (self.window, self.severity, self.growth, self.threshold, str(self.truncation).lower())
        if self.plugins:
            text += """  witness: {level: %d, timeout_ms: 2000}
plugins: {directories: [%s], detectors: {witness: {live: true}}}
""" % (self.number, self.plugins)
        return text

    def fingerprint(self):
        """What a run of make_run() must look like."""
        found = {"TOOL_LOOP": (self.severity, str(self.window)), "CONTEXT_BLOAT": "%.2f" % self.growth,
                 "RETRY_STORM": str(self.threshold)}
        if self.truncation:
            found["LLM_TRUNCATION_LOOP"] = True
        if self.plugins:
            found["WITNESS"] = (str(self.build), str(self.number))
        return found


def make_run():
    run_id = str(uuid.uuid4())
    # A version of its own: nothing is learned for it, so that the parameters alone decide.
    run = RunBuilder(run_id, AGENT, run_id).start(tools=["search"]).tool("search").tool("search")
    for tokens in (100, 1500, 3000):
        run.llm(tokens, finish_reason="length")
    for _ in range(4):
        run.tool("search", success=False)
    return run.complete("final_answer")


BAD = (
    lambda good: good[:len(good) // 2] + "[",
    lambda good: good.replace("  tool_loop:", "  no_such_detector: {}\n  tool_loop:"),
    lambda good: good.replace("growth_factor: 2", "growth_factor: 0"),
    lambda good: good.replace("threshold: 3, window", "threshold: 9, window"),
    lambda good: good.replace("directories: [", "directories: [/no/such/directory, "),
    lambda good: re.sub(r"witness: {level: \d+", "witness: {level: 666", good),  # crashes when it is created with that
    lambda good: "\x00\x01\x02",
    lambda good: None,  # the file goes
)


class Load:
    """Posts runs steadily until told to stop; remembers their ids."""

    def __init__(self, host):
        self._host, self._stop, self._lock = host, threading.Event(), threading.Lock()
        self.run_ids, self.failures = [], []
        self._threads = [threading.Thread(target=self._work) for _ in range(POSTERS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _work(self):
        try:
            while not self._stop.wait(PAUSE_S):
                runs = [make_run() for _ in range(RUNS_PER_BATCH)]
                self._host.post([event for run in runs for event in run.events])
                with self._lock:
                    self.run_ids += [run.run_id for run in runs]
        except BaseException as error:  # shown by the test
            self.failures.append(error)


class ReloadingHost(Host):
    def __init__(self, data_dir, env=None):
        super().__init__(data_dir, env={"RELOAD_POLL_MS": str(POLL_MS), **(env or {})})
        self.file = self.data_dir / "detectors.yml"

    def metric(self, name):
        """Sum over all labels."""
        text = self.connection("api").send("GET", "/metrics")[2].decode()
        return sum(float(value) for value in re.findall(r"^%s(?:\{[^}]*\})? (\S+)$" % name, text, re.M))

    def attempts(self, outcome):
        text = self.connection("api").send("GET", "/metrics")[2].decode()
        return int(re.search(r'^dunetrace_reloads_total\{outcome="%s"\} (\d+)$' % outcome, text, re.M).group(1))

    def expect(self, outcome, change):
        """Does the change, waits until it was read, with this outcome and no other."""
        others = [o for o in ("ok", "failed", "unchanged") if o != outcome]
        before, others_before = self.attempts(outcome), [self.attempts(o) for o in others]
        change()
        wait_until(lambda: self.attempts(outcome) > before, SETTLE_S,
                   lambda: "the change is read and its outcome is %s" % outcome, self.log_tail)
        assert [self.attempts(o) for o in others] == others_before, "more than that came of it\n" + self.log_tail()

    def descriptors(self):
        """(sockets, others)"""
        directory, kinds = "/proc/%d/fd" % self.process.pid, collections.Counter()
        for name in os.listdir(directory):
            try:
                kinds[os.readlink(os.path.join(directory, name)).startswith("socket:")] += 1
            except OSError:
                pass  # closed meanwhile
        return kinds[True], kinds[False]

    def children(self):
        """Command lines of the runner processes there are."""
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                state, parent = stat.read_text().rsplit(")", 1)[1].split()[:2]
                command = (stat.parent / "cmdline").read_text()
            except OSError:
                continue  # ended meanwhile
            if int(parent) == self.process.pid and "postgres" not in command:
                found.append("zombie" if state == "Z" else command.replace("\0", " "))
        return found

    def status(self, field):
        text = pathlib.Path("/proc/%d/status" % self.process.pid).read_text()
        return int(re.search(r"^%s:\s+(\d+)" % field, text, re.M).group(1))


def write_in_pieces(file, text):
    """As an editor without care does; nothing of it is read before it stood still."""
    with open(file, "w") as out:
        for begin in range(0, len(text), 40):
            out.write(text[begin:begin + 40])
            out.flush()


def write_by_rename(file, text):
    draft = file.with_suffix(".draft")
    draft.write_text(text)
    draft.rename(file)


def compile_witness(file, build):
    subprocess.run([os.environ.get("CXX", "c++"), "-std=c++17", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-gnu-unique",
                    "-Wl,-z,now", "-DBUILD=%d" % build, "-I", REPOSITORY / "sdk/plugin/include",
                    pathlib.Path(__file__).with_name("witness.cpp"), "-o", file], check=True, timeout=120)


class Reload(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.plugins = self.directory / "mine"
        self.plugins.mkdir()

    def build_plugins(self):
        self.builds = [self.directory / ("build-%d.so" % n) for n in range(BUILDS)]
        for number, file in enumerate(self.builds):
            compile_witness(file, number)
        self.put_plugin(0)
        self.lock()

    def put_plugin(self, build):
        draft = self.plugins / "witness.draft"
        shutil.copyfile(self.builds[build], draft)
        draft.rename(self.plugins / "witness.so")

    def lock(self):
        code, out, err = run_dunetrace("plugins", "lock", str(self.plugins), data_dir=self.directory)
        self.assertEqual(code, 0, out + err)

    def host(self, text, env=None):
        (self.directory / "detectors.yml").write_text(text)
        return ReloadingHost(self.directory, env)

    def test_under_load(self):
        self.build_plugins()
        good = [Configuration(0, self.plugins)]
        good[0].written_at = time.time()
        writers = itertools.cycle((write_by_rename, write_in_pieces))
        bad = itertools.cycle(BAD)
        refused = 0
        with self.host(good[0].text(), {"DETECTOR_CONCURRENCY": str(WORKERS)}) as host:
            with Load(host) as load:
                for n in range(1, CHANGES + 1):
                    if n % 3 == 0:
                        self.change_badly(host, next(bad), good[-1])
                        refused += 1
                    elif n % 8 == 1:
                        good.append(self.change_plugin(host, good[-1]))
                        refused += 1
                    else:
                        good.append(self.change(host, n, good[-1], next(writers)))
                    if n == WARM_UP:
                        before = host.descriptors(), host.status("VmRSS"), host.status("Threads")
            self.assertEqual(load.failures, [])
            last = make_run()
            host.post(last.events)
            run_ids = load.run_ids + [last.run_id]
            host.wait_processed({AGENT: len(run_ids)})
            print("%d runs under %d configurations, %d refused" % (len(run_ids), len(good), refused))
            self.check_judged_once(host, run_ids)
            self.check_signals(host, run_ids, good)
            self.assertEqual(self.signals(host)[last.run_id][1], good[-1].fingerprint())
            self.assertEqual(host.metric("dunetrace_generation"), len(good))
            self.assertEqual((host.attempts("ok"), host.attempts("failed")), (len(good) - 1, refused))
            sockets, others = host.descriptors()
            self.assertLess(others - before[0][1], MORE_DESCRIPTORS)
            self.assertLess(sockets - before[0][0], MORE_SOCKETS)
            self.assertEqual(host.status("Threads"), before[2])
            # Each worker has one; the loader keeps one that answers for the plugin.
            wait_until(lambda: len(host.children()) <= WORKERS + 1 and "zombie" not in host.children(), 20,
                       lambda: "no runner is left over: %s" % host.children(), host.log_tail)
            self.assertLess(host.status("VmRSS") - before[1], MORE_MEMORY_MB * 1024)

    def change(self, host, n, previous, write):
        new = Configuration(n, self.plugins, previous.build)
        new.written_at = time.time()
        host.expect("ok", lambda: write(host.file, new.text()))
        previous.replaced_at = time.time()
        return new

    def change_plugin(self, host, previous):
        """Another build, refused until its lock file says that it is meant. The configuration may be that of before a bad one."""
        new = Configuration(previous.number, self.plugins, (previous.build + 1) % BUILDS)
        if host.file.exists() and host.file.read_text() == previous.text():
            host.expect("failed", lambda: self.put_plugin(new.build))
        else:
            host.expect("failed", lambda: write_by_rename(host.file, self.with_plugin(previous, new.build)))
        new.written_at = time.time()
        host.expect("ok", self.lock)
        previous.replaced_at = time.time()
        return new

    def with_plugin(self, configuration, build):
        self.put_plugin(build)
        return configuration.text()

    def change_badly(self, host, spoil, current):
        text = spoil(current.text())
        generation = host.metric("dunetrace_generation")
        host.expect("failed", host.file.unlink if text is None else lambda: write_by_rename(host.file, text))
        self.assertEqual(host.metric("dunetrace_generation"), generation)
        self.assertEqual(host.api("/health").get("reload"), "failed")

    def check_judged_once(self, host, run_ids):
        self.assertEqual(len(set(run_ids)), len(run_ids))
        judged = [row[0] for row in host.sql_rows("SELECT run_id FROM processed_runs WHERE agent_id = '%s'" % AGENT)]
        self.assertEqual(sorted(judged), sorted(run_ids))
        counted = host.metric("dunetrace_detector_runs_processed_total")
        self.assertEqual(counted, len(run_ids), "a run that was judged twice is counted twice")
        self.assertEqual(host.metric("dunetrace_detector_claims_lost_total"), 0)
        incomplete = host.sql_rows("SELECT run_id, incomplete FROM processed_runs WHERE incomplete::text <> '[]'")
        self.assertEqual(incomplete, [])

    def signals(self, host):
        """run id → (when its signals were written, its fingerprint)"""
        rows = host.sql_rows(
            "SELECT run_id, failure_type, severity, evidence->>'window', evidence->>'threshold_factor',"
            " evidence->>'threshold', evidence->>'build', evidence->>'level', extract(epoch from detected_at) FROM failure_signals WHERE agent_id = '%s'" % AGENT)
        found = collections.defaultdict(lambda: [0.0, {}])
        for run_id, failure_type, severity, window, growth, threshold, build, level, at in rows:
            mark = {"TOOL_LOOP": (severity, window), "CONTEXT_BLOAT": "%.2f" % float(growth or 0),
                    "RETRY_STORM": threshold, "WITNESS": (build, level)}.get(failure_type, True)
            found[run_id][0] = float(at)
            self.assertNotIn(failure_type, found[run_id][1])
            found[run_id][1][failure_type] = mark
        return found

    def check_signals(self, host, run_ids, good):
        by_mark = {("%.2f" % c.growth, str(c.build)): c for c in good}
        found = self.signals(host)
        self.assertEqual(set(found), set(run_ids))
        used = set()
        for run_id, (at, fingerprint) in found.items():
            configuration = by_mark[fingerprint["CONTEXT_BLOAT"], fingerprint["WITNESS"][0]]
            self.assertEqual(fingerprint, configuration.fingerprint(), "one run, two configurations: %s" % run_id)
            self.assertGreaterEqual(at, configuration.written_at, "judged before the configuration was there")
            if configuration.replaced_at is not None:
                self.assertLess(at, configuration.replaced_at + 5, "judged long after it was replaced")
            used.add(configuration)
        self.assertGreater(len(used), len(good) // 2, "the load and the changes did not meet")

    def test_a_bad_file_is_told_once_with_its_reason(self):
        first = Configuration(0)
        with self.host(first.text()) as host:
            log = host.data_dir / "dunetrace.log"
            host.expect("failed", lambda: write_by_rename(host.file, first.text().replace("window", "windw")))
            host.expect("failed", lambda: os.utime(host.file))  # saved again without a change
            lines = [line for line in log.read_text().splitlines() if "detectors.reload_failed" in line]
            self.assertEqual(len(lines), 1, lines)
            self.assertIn("detectors.yml:2:29: unknown key 'windw' in tool_loop (did you mean 'window'?)", lines[0])
            host.expect("unchanged", lambda: write_by_rename(host.file, first.text()))
            self.assertNotIn("reload", host.api("/health"))
            self.assertEqual(host.metric("dunetrace_generation"), 1)
            self.assertIn("detectors.restored", log.read_text())

    def test_an_isolated_plugin_comes_changes_and_goes(self):
        self.build_plugins()
        good = Configuration(1, self.plugins)
        with self.host(good.text(), {"DETECTOR_CONCURRENCY": str(WORKERS)}) as host:
            log = host.data_dir / "dunetrace.log"

            def last(event):
                return [line for line in log.read_text().splitlines() if '"%s"' % event in line][-1]

            def witnessed():
                run = make_run()
                host.post(run.events)
                wait_until(lambda: host.judged(run.run_id), 20, "the run is judged", host.log_tail)
                return self.signals(host)[run.run_id][1].get("WITNESS")

            self.assertEqual(witnessed(), ("0", "1"))
            host.expect("failed", lambda: write_by_rename(host.file, good.text().replace("level: 1,", "level: 666,")))
            for part in ("default: a detector of %s/witness.so cannot be made" % self.plugins, "witness", "SIGABRT"):
                self.assertIn(part, last("detectors.reload_failed"))
            self.assertEqual(witnessed(), ("0", "1"))
            host.expect("unchanged", lambda: write_by_rename(host.file, good.text()))
            host.expect("failed", lambda: self.put_plugin(1))
            for part in ("witness.so", "sha256", "dunetrace plugins lock"):
                self.assertIn(part, last("detectors.reload_failed"))
            self.assertEqual(witnessed(), ("0", "1"))
            host.expect("ok", self.lock)
            self.assertIn("plugin %s/witness.so replaced: 1.0.0 -> 1.0.1" % self.plugins, last("detectors.reloaded"))
            self.assertEqual(witnessed(), ("1", "1"))
            self.assertGreater(len(host.children()), 0)
            host.expect("ok", lambda: write_by_rename(host.file, Configuration(1).text()))
            self.assertIsNone(witnessed())
            wait_until(lambda: host.children() == [], 20, "its runners have ended, also those of idle workers", host.log_tail)
            host.expect("ok", lambda: write_by_rename(host.file, good.text()))
            self.assertEqual(witnessed(), ("1", "1"))


if __name__ == "__main__":
    unittest.main()
