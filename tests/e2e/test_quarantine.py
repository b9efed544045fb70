"""A third-party detector that crashes: what operators see, what is kept through a restart, and the two ways out."""
import json
import pathlib
import shutil
import subprocess
import unittest
import urllib.request

from harness import REPOSITORY, Host, make_data_dir, run_dunetrace, wait_until
from run_builder import RunBuilder

# Dereferences null in every run of an agent whose name begins with 'bad'; `VERSION` makes another file of it.
SOURCE = r"""
#include <dunetrace/plugin.h>
static int token;
static dune_status create(const dune_host *h, const dune_config *c, void **out, dune_error *e) {
  (void)h; (void)c; (void)e;
  *out = &token;
  return DUNE_OK;
}
static void destroy(void *p) { (void)p; }
static dune_status detect(void *p, const dune_run *run, dune_sink *sink, dune_error *e) {
  (void)p; (void)sink; (void)e;
  if (run->agent_id.len >= 3 && run->agent_id.ptr[0] == 'b') *(volatile int *)0 = 1;
  return DUNE_OK;
}
static const dune_template text = { .struct_size = sizeof(dune_template), .title = DUNE_S("t"), .what = DUNE_S("w"),
  .why_it_matters = DUNE_S("y"), .evidence_summary = DUNE_S("e") };
static const dune_detector_v1 vtable = { .struct_size = sizeof(dune_detector_v1), .default_signal_type = DUNE_S("FRAGILE_RUN"),
  .templates = &text, .template_count = 1, .template_stride = sizeof(dune_template), .create = create, .destroy = destroy, .detect = detect };
static const dune_component component = { .struct_size = sizeof(dune_component), .iface = DUNE_S(DUNE_IFACE_DETECTOR_V1),
  .id = DUNE_S("fragile"), .title = DUNE_S("Fragile"), .doc = DUNE_S("Crashes."), .vtable = &vtable };
static const dune_plugin plugin = { .magic = DUNE_MAGIC, .abi_major = DUNE_ABI_MAJOR, .abi_minor = DUNE_ABI_MINOR,
  .struct_size = sizeof(dune_plugin), .id = DUNE_S("example.fragile"), .vendor = DUNE_S("Example"), .version = DUNE_S(VERSION),
  .license = DUNE_S("Apache-2.0"), .components = &component, .component_count = 1, .component_stride = sizeof(dune_component) };
DUNE_EXPORT const dune_plugin *dune_plugin_entry_v1(void) { return &plugin; }
"""


class Quarantine(unittest.TestCase):
    def setUp(self):
        self.data_dir = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, self.data_dir, ignore_errors=True)
        self.mine = self.data_dir / "mine"
        self.mine.mkdir()
        self.config = self.data_dir / "mine.yml"
        self.config.write_text("plugins:\n  directories: [%s]\n  detectors:\n    fragile: { live: true }\n" % self.mine)
        self.env = {"DETECTOR_CONFIG": str(self.config), "RELOAD_POLL_MS": "50"}
        self.install("1.0.0")

    def install(self, version):
        source = self.data_dir / "fragile.c"
        source.write_text(SOURCE)
        built = self.data_dir / "fragile.so"
        subprocess.run(["cc", "-std=c11", "-shared", "-fPIC", "-fvisibility=hidden", "-O1", '-DVERSION="%s"' % version,
                        "-I%s/sdk/plugin/include" % REPOSITORY, source, "-o", built], check=True)
        built.rename(self.mine / "fragile.so")
        self.command(0, "lock", self.mine)

    def command(self, code, *arguments):
        # Without DATABASE_URL: the remedies that the host prints name none.
        got, out, errors = run_dunetrace("plugins", *map(str, arguments), data_dir=self.data_dir, env=self.env)
        self.assertEqual(got, code, out + errors)
        return out + errors

    def host(self):
        return Host(data_dir=self.data_dir, env=self.env)

    def send(self, host, run_id, agent="bad-agent"):
        run = RunBuilder(run_id, agent).start(tools=["search"])
        for _ in range(5):
            run.llm().tool("search")
        host.post(run.complete("final_answer").events)
        return wait_until(lambda: host.judged(run_id), 20, "run %s is judged" % run_id, host.log_tail)

    def fragile(self, host):
        return next(one for one in host.api("/v1/plugins")["components"] if one["component"] == "fragile")

    def crash_until_off(self, host):
        """The run that comes after the quarantine."""
        for n in range(4):
            detail = self.send(host, "crash-%d" % n)
            self.assertEqual([s["failure_type"] for s in detail["signals"]], ["TOOL_LOOP"], "others' findings stand")
            self.assertEqual([f["detector"] for f in detail["incomplete"]], ["fragile"])
        return detail

    def log_lines(self, event):
        lines = (self.data_dir / "dunetrace.log").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def test_off_after_three_crashes_until_an_operator_or_a_new_file_ends_it(self):
        with self.host() as host:
            last = self.crash_until_off(host)
            self.assertIn("quarantined since", last["incomplete"][0]["reason"])
            wait_until(lambda: self.fragile(host)["state"] == "quarantined", 10, "the API shows it", host.log_tail)
            shown = self.fragile(host)
            self.assertEqual((shown["mode"], shown["strikes_10m"], shown["version"]), ("isolated", 3, "1.0.0"))
            self.assertEqual((shown["last_strike"]["offence"], shown["last_strike"]["run_id"]), ("crash", "crash-2"))
            self.assertIn("SIGSEGV", shown["last_strike"]["text"])
            self.assertIn("limits", shown["sandbox"])
            self.assertEqual([n["component"] for n in host.api("/v1/plugins")["notices"]], ["fragile"])
            wait_until(lambda: host.api("/health").get("quarantined") == ["fragile"], 10, "/health names it", host.log_tail)
            metrics = urllib.request.urlopen("http://127.0.0.1:%d/metrics" % host.ports["api"]).read().decode()
            self.assertIn('dunetrace_plugin_quarantined{component="fragile"} 1', metrics)
            self.assertIn('dunetrace_plugin_strikes_total{component="fragile",offence="crash"} 3', metrics)
            self.assertEqual(len(self.log_lines("plugin.quarantined")), 1)
            self.assertRegex(self.command(0, "list"), r"fragile +detector +quarantined +isolated +1\.0\.0 +3 .*\n +3 strikes within 10 minutes")
        with self.host() as host:  # a restart is no way out
            detail = self.send(host, "after-restart")
            self.assertIn("quarantined since", detail["incomplete"][0]["reason"])
            self.assertEqual(self.fragile(host)["state"], "quarantined")
            self.command(0, "enable", "fragile")
            wait_until(lambda: self.send(host, "enabled-%d" % len(self.log_lines("plugin.enabled")), "good")["incomplete"] == [], 20, "it judges again", host.log_tail)
            self.assertEqual(self.fragile(host)["state"], "live")
            self.crash_again(host)
            before = self.fragile(host)["sha256"]
            self.install("1.0.1")
            wait_until(lambda: self.fragile(host)["sha256"] != before, 20, "the new file is in force", host.log_tail)
            self.assertEqual((self.fragile(host)["state"], self.fragile(host)["version"]), ("live", "1.0.1"))
            self.assertEqual(self.send(host, "new-file", "good")["incomplete"], [])
            self.assertEqual(host.api("/v1/plugins")["notices"], [])

    def crash_again(self, host):
        for n in range(3):
            self.send(host, "again-%d" % n)
        wait_until(lambda: self.fragile(host)["state"] == "quarantined", 10, "it is off again", host.log_tail)

    def test_list_says_what_it_cannot_know(self):
        self.assertIn("whether something is quarantined is unknown", self.command(0, "list"))
        answer = json.loads(self.command(0, "list", "--json"))
        self.assertFalse(answer["state_known"])
        fragile = next(one for one in answer["components"] if one["component"] == "fragile")
        self.assertEqual((fragile["state"], fragile["mode"], fragile["strikes_10m"]), ("live", "isolated", None))


if __name__ == "__main__":
    unittest.main()
