"""The worst plugins in a running host (hostile_plugin.cpp: null pointers, endless loops, endless memory, writes to the run,
kept pointers, garbage, exceptions, exit, fork, sockets, files, closed descriptors, a million signals, ...): the host stays
up, everybody else's findings about the same runs are stored, whoever did it is named and put off, and what it took comes
back. And a plugin in the host's own process that ends it while its parameters are checked."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

from harness import REPOSITORY, Host, make_data_dir, run_dunetrace, wait_until
from run_builder import RunBuilder

OFFENCES = {  # deed: what its strike says
    "null_pointer": "crashed (SIGSEGV) in detect()",
    "loop_for_ever": "ran for more than 100 ms in detect()",
    "allocate": "MiB of memory",
    "write_view": "crashed (SIGSEGV) in detect()",
    "write_text": "crashed (SIGSEGV) in detect()",
    "keep_pointer": "crashed (SIGSEGV) in detect()",
    "garbage_signal": "",
    "throw_up": "threw an exception: not me",
    "call_exit": "ended its process with status 0 in detect()",
    "call_abort": "crashed (SIGABRT) in detect()",
    "call_fork": "called clone",
    "open_socket": "called socket",
    "open_file": "called open",
    "close_descriptors": "called close",
    "million_signals": "more than 8 signals",
    "kill_parent": "called kill",
    "overflow_stack": "crashed (SIGSEGV) in detect()",
    "unknown_type": "OF_NOBODY",
}
HARMLESS = "invalid_utf8"  # what it writes is repaired
DEEDS = [*OFFENCES, HARMLESS]
SEEN = dict(zip(("null_pointer loop_for_ever allocate write_view write_text keep_pointer garbage_signal throw_up call_exit call_abort "
                 "call_fork open_socket open_file close_descriptors million_signals kill_parent overflow_stack unknown_type "
                 "invalid_utf8").split(), ("SEEN_" + letter for letter in "ABCDEFGHIJKLMNOPQRS")))
RUNS_OF_EACH = 3       # strikes until it is off
RUNS_OF_KEEPER = 10    # it does its deed to every second run of a runner
WORKERS = 2
LONG_MS = 20_000       # for a million calls, and a gigabyte, on a busy machine
MORE_MEMORY_MB = 24
MORE_DESCRIPTORS = 12
WAIT_S = 60


def build(source, library, *flags):
    compiler = ["c++", "-std=c++20"] if source.suffix == ".cpp" else ["cc", "-std=c11"]
    subprocess.run([*compiler, "-shared", "-fPIC", "-fvisibility=hidden", "-O1", *flags, "-I%s/sdk/plugin/include" % REPOSITORY,
                    source, "-o", library.with_suffix(".new")], check=True)
    library.with_suffix(".new").rename(library)


def make_run(run_id, agent):
    run = RunBuilder(run_id, agent).start(tools=["search"])
    for _ in range(5):
        run.llm().tool("search")
    return run.complete("final_answer")


def resident_mb(pid):
    for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def processes():
    """(pid, parent, command line) of everything."""
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit():
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                yield int(entry.name), int(fields[1]), (entry / "cmdline").read_text()
        except OSError:
            continue


def runners_of(pid):
    return [one for one, _, line in processes() if "plugin-runner\0%d\0" % pid in line]


class HostilePlugins(unittest.TestCase):
    def setUp(self):
        self.data_dir = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, self.data_dir, ignore_errors=True)
        self.mine = self.data_dir / "mine"
        self.mine.mkdir()
        self.config = self.data_dir / "mine.yml"
        self.env = {"DETECTOR_CONFIG": str(self.config), "RELOAD_POLL_MS": "50", "DETECTOR_CONCURRENCY": str(WORKERS)}

    def lock(self, *more):
        code, out, errors = run_dunetrace("plugins", "lock", str(self.mine), *more, data_dir=self.data_dir, env=self.env)
        self.assertEqual(code, 0, out + errors)

    def components(self, host):
        return {one["component"]: one for one in host.api("/v1/plugins")["components"]}


class Deeds(HostilePlugins):
    def setUp(self):
        super().setUp()
        self.config.write_text("plugins:\n  directories: [%s]\n  detectors:\n%s\ndefault:\n  million_signals: {timeout_ms: %d}\n  allocate: {timeout_ms: %d}\n" % (
            self.mine, "\n".join("    %s: { live: true }" % deed for deed in DEEDS), LONG_MS, LONG_MS))
        build(REPOSITORY / "tests/e2e/hostile_plugin.cpp", self.mine / "deeds.so")
        self.lock()

    def test_each_is_named_and_put_off_while_everybody_else_goes_on(self):
        with Host(data_dir=self.data_dir, env=self.env) as host:
            pid = host.process.pid
            for n in range(20):
                host.post(make_run("calm-before-%d" % n, "calm").events)
            host.wait_processed({"calm": 20}, WAIT_S)
            for run in host.pages("calm", "runs"):
                self.assert_judged(host.run(run["run_id"]), missing=set())
            memory, descriptors = resident_mb(pid), len(os.listdir("/proc/%d/fd" % pid))

            sent = self.send_all(host)
            host.wait_processed({agent: len(runs) for agent, runs in sent.items()}, WAIT_S)
            self.assertIsNone(host.process.poll(), host.log_tail())
            for agent, runs in sent.items():
                done = [self.assert_judged(host.run(run_id)) for run_id in runs]
                if agent in OFFENCES and agent != "keep_pointer":
                    self.assertTrue(all(agent in missing for missing in done), "%s never gave an answer: %s" % (agent, done))
            for agent in ("calm", HARMLESS):  # nobody's deeds cost others' findings
                for run_id in sent[agent]:
                    self.assertNotIn(HARMLESS, {one["detector"] for one in host.run(run_id)["incomplete"]})
            repaired = next(s for s in host.run(sent[HARMLESS][0])["signals"] if s["failure_type"] == SEEN[HARMLESS])
            self.assertIn("\N{REPLACEMENT CHARACTER}", json.dumps(repaired["evidence"], ensure_ascii=False))

            wait_until(lambda: not self.on(host), WAIT_S, lambda: "all are off but one; on: %s" % self.on(host), host.log_tail)
            shown = self.components(host)
            self.assertEqual((shown[HARMLESS]["state"], shown[HARMLESS]["strikes_10m"]), ("live", 0))
            for deed, text in OFFENCES.items():
                self.assertIn(text, shown[deed]["last_strike"]["text"], deed)
                if deed != "keep_pointer":  # whose second run it was is for the workers
                    self.assertIn(shown[deed]["last_strike"]["run_id"], sent[deed])
            for component in ("tool_loop", "context_bloat"):
                self.assertEqual((shown[component]["state"], shown[component]["strikes_10m"]), ("live", 0))
            self.assertEqual(sorted(host.api("/health")["quarantined"]), sorted(OFFENCES))

            host.post(make_run("calm-after", "calm").events)
            self.assert_judged(wait_until(lambda: host.judged("calm-after"), WAIT_S, "a run after all of it", host.log_tail),
                               missing=set(OFFENCES))
            wait_until(lambda: len(runners_of(pid)) <= WORKERS, 20, "one runner for each worker is left", host.log_tail)
            self.assertEqual([one for one, parent, line in processes() if parent == 1 and "plugin-runner\0%d\0" % pid in line], [],
                             "nobody was left behind")
            wait_until(lambda: resident_mb(pid) < memory + MORE_MEMORY_MB, 60,
                       lambda: "the host holds %.0f MB, %.0f before" % (resident_mb(pid), memory), host.log_tail)
            wait_until(lambda: len(os.listdir("/proc/%d/fd" % pid)) <= descriptors + MORE_DESCRIPTORS, 20, "descriptors are back")

    def on(self, host):
        shown = self.components(host)
        return {deed: shown[deed]["last_strike"] for deed in OFFENCES if shown[deed]["state"] != "quarantined"}

    def send_all(self, host):
        """Everybody's runs mixed with each other, in batches, as they come from many agents."""
        sent = {}
        for n in range(RUNS_OF_KEEPER):
            events = []
            for agent in ["calm", *DEEDS]:
                if n >= RUNS_OF_EACH and agent not in ("calm", "keep_pointer"):
                    continue
                run_id = "%s-%d" % (agent, n)
                sent.setdefault(agent, []).append(run_id)
                events += make_run(run_id, agent).events
            host.post(events)
        sent["calm"] += ["calm-before-%d" % n for n in range(20)]
        return sent

    def assert_judged(self, detail, missing=None):
        """Whoever is not named as missing had its say. Gives the missing ones."""
        failed = {one["detector"] for one in detail["incomplete"]}
        if missing is not None:
            self.assertEqual(failed, missing, detail["incomplete"])
        found = [s["failure_type"] for s in detail["signals"]]
        self.assertEqual(sorted(found), sorted(["TOOL_LOOP", *(SEEN[deed] for deed in DEEDS if deed not in failed)]),
                         "%s: %s" % (detail["run_id"], detail["incomplete"]))
        return failed


IN_PROCESS = r"""
#include <dunetrace/plugin.h>
#include <stdlib.h>
static int token;
static dune_status validate(const dune_config *c, dune_error *e) {
  (void)e;
  if (c->values[0].as.i == 13 && !CAREFUL) abort();
  return DUNE_OK;
}
static dune_status create(const dune_host *h, const dune_config *c, void **out, dune_error *e) {
  (void)h; (void)c; (void)e;
  *out = &token;
  return DUNE_OK;
}
static void destroy(void *p) { (void)p; }
static dune_status detect(void *p, const dune_run *run, dune_sink *sink, dune_error *e) {
  (void)p; (void)run; (void)sink; (void)e;
  return DUNE_OK;
}
static const dune_param_spec level = { .struct_size = sizeof(dune_param_spec), .name = DUNE_S("level"), .type = DUNE_VALUE_INT,
  .def = { .type = DUNE_VALUE_INT, .as.i = 1 }, .doc = DUNE_S("13 is bad luck.") };
static const dune_template text = { .struct_size = sizeof(dune_template), .title = DUNE_S("t"), .what = DUNE_S("w"),
  .why_it_matters = DUNE_S("y"), .evidence_summary = DUNE_S("e") };
static const dune_detector_v1 vtable = { .struct_size = sizeof(dune_detector_v1), .default_signal_type = DUNE_S("UNLUCKY_RUN"),
  .templates = &text, .template_count = 1, .template_stride = sizeof(dune_template), .validate = validate, .create = create,
  .destroy = destroy, .detect = detect };
static const dune_component component = { .struct_size = sizeof(dune_component), .iface = DUNE_S(DUNE_IFACE_DETECTOR_V1),
  .id = DUNE_S("unlucky"), .title = DUNE_S("Unlucky"), .doc = DUNE_S("Crashes."), .params = &level, .param_count = 1,
  .param_stride = sizeof(dune_param_spec), .vtable = &vtable };
static const dune_plugin plugin = { .magic = DUNE_MAGIC, .abi_major = DUNE_ABI_MAJOR, .abi_minor = DUNE_ABI_MINOR,
  .struct_size = sizeof(dune_plugin), .id = DUNE_S("test.unlucky"), .vendor = DUNE_S("Test"), .version = DUNE_S("1.0." VERSION),
  .license = DUNE_S("MIT"), .components = &component, .component_count = 1, .component_stride = sizeof(dune_component) };
DUNE_EXPORT const dune_plugin *dune_plugin_entry_v1(void) { return &plugin; }
"""


class InTheHostsProcess(HostilePlugins):
    """Where the lock file lets it be, by an operator's own decision."""

    def install(self, version, careful):
        source = self.data_dir / "unlucky.c"
        source.write_text(IN_PROCESS)
        build(source, self.mine / "unlucky.so", '-DVERSION="%d"' % version, "-DCAREFUL=%d" % careful)
        self.lock("--mode", "unlucky.so=in_process")

    def configure(self, level):
        draft = self.config.with_suffix(".new")
        draft.write_text("plugins:\n  directories: [%s]\ndefault:\n  unlucky: {level: %d}\n" % (self.mine, level))
        draft.rename(self.config)

    def test_a_check_of_parameters_that_ends_the_host_is_named_and_not_made_again(self):
        self.install(1, careful=False)
        self.configure(1)
        host = Host(data_dir=self.data_dir, env=self.env)
        self.addCleanup(host.discard)
        host.start()
        self.configure(13)
        wait_until(lambda: host.process.poll() is not None, 30, "the host crashes with its plugin", host.log_tail)
        self.assertEqual(host.process.returncode, -signal.SIGABRT)
        host.process = None
        with self.assertRaises(AssertionError) as refused:  # and neither crashes again nor starts without a word
            host.start()
        host.process = None
        said = str(refused.exception)
        self.assertIn("unlucky", said)
        self.assertIn("its validate() ended the host's process the last time", said)
        self.assertIn("crashed the host's process (SIGABRT) in validate()", host.log_tail())
        self.install(2, careful=True)  # a new file is tried anew
        host.start()
        self.assertEqual(host.api("/health")["status"], "ok")
        self.assertEqual(self.components(host)["unlucky"]["state"], "shadow")
        strikes = wait_until(lambda: host.sql_rows("SELECT component, offence FROM plugin_strikes"), 20, "what the first did is stored",
                             host.log_tail)
        self.assertEqual({tuple(row) for row in strikes}, {("unlucky", "crash")})
        self.assertEqual(host.stop(), 0)


if __name__ == "__main__":
    unittest.main()
