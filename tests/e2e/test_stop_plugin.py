"""SIGTERM while a plugin hangs in a call that is allowed to take long: the host ends in time, and the run is judged after."""
import pathlib
import shutil
import subprocess
import time
import unittest
import uuid

from harness import REPOSITORY, Host, make_data_dir, run_dunetrace, wait_until
from run_builder import RunBuilder

STOP_LIMIT_S = 10
SOURCE = r"""
#include <dunetrace/plugin.h>
static int token;
static volatile int zero;
static dune_status create(const dune_host *h, const dune_config *c, void **out, dune_error *e) {
  (void)h; (void)c; (void)e;
  *out = &token;
  return DUNE_OK;
}
static void destroy(void *p) { (void)p; }
static dune_status detect(void *p, const dune_run *run, dune_sink *sink, dune_error *e) {
  (void)p; (void)run; (void)sink; (void)e;
  for (;;) zero = 0;
}
static const dune_template text = { .struct_size = sizeof(dune_template), .title = DUNE_S("t"), .what = DUNE_S("w"),
  .why_it_matters = DUNE_S("y"), .evidence_summary = DUNE_S("e") };
static const dune_detector_v1 vtable = { .struct_size = sizeof(dune_detector_v1), .default_signal_type = DUNE_S("ENDLESS_RUN"),
  .templates = &text, .template_count = 1, .template_stride = sizeof(dune_template), .create = create, .destroy = destroy, .detect = detect };
static const dune_component component = { .struct_size = sizeof(dune_component), .iface = DUNE_S(DUNE_IFACE_DETECTOR_V1),
  .id = DUNE_S("endless"), .title = DUNE_S("Endless"), .doc = DUNE_S("Loops."), .vtable = &vtable };
static const dune_plugin plugin = { .magic = DUNE_MAGIC, .abi_major = DUNE_ABI_MAJOR, .abi_minor = DUNE_ABI_MINOR,
  .struct_size = sizeof(dune_plugin), .id = DUNE_S("example.endless"), .vendor = DUNE_S("Example"), .version = DUNE_S("1.0.0"),
  .license = DUNE_S("Apache-2.0"), .components = &component, .component_count = 1, .component_stride = sizeof(dune_component) };
DUNE_EXPORT const dune_plugin *dune_plugin_entry_v1(void) { return &plugin; }
"""


def looping(host_pid):
    """Runners of that host that have used a tenth of a second or more."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and "plugin-runner\0%d\0" % host_pid in (entry / "cmdline").read_text():
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[11]) >= 10:  # ticks in user mode
                    found.append(int(entry.name))
        except OSError:
            continue
    return found


class HangingPlugin(unittest.TestCase):
    def test_it_ends_in_time_without_blame_and_the_run_is_judged_after(self):
        data_dir = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, data_dir, ignore_errors=True)
        mine = data_dir / "mine"
        mine.mkdir()
        (data_dir / "endless.c").write_text(SOURCE)
        subprocess.run(["cc", "-std=c11", "-shared", "-fPIC", "-fvisibility=hidden", "-O1", "-I%s/sdk/plugin/include" % REPOSITORY,
                        data_dir / "endless.c", "-o", mine / "endless.so"], check=True)
        code, out, errors = run_dunetrace("plugins", "lock", str(mine), data_dir=data_dir)
        self.assertEqual(code, 0, out + errors)
        config = data_dir / "mine.yml"
        text = "plugins:\n  directories: [%s]\n  detectors:\n    endless: { live: true }\ndefault:\n  endless: { %s }\n"
        config.write_text(text % (mine, "timeout_ms: 20000"))
        run = RunBuilder(str(uuid.uuid4()), "held").start()
        for _ in range(5):
            run.tool("search")
        run.complete("final_answer")
        host = Host(data_dir=data_dir, env={"DETECTOR_CONFIG": str(config)})
        self.addCleanup(host.discard)
        host.start()
        host.post(run.events)
        wait_until(lambda: looping(host.process.pid), 60, "the plugin loops", host.log_tail)
        begin = time.monotonic()
        host.terminate()
        code = host.wait_ended()
        took = time.monotonic() - begin
        print("ended after %.1f s" % took)
        self.assertLess(took, STOP_LIMIT_S, host.log_tail())
        self.assertEqual(code, 0, host.log_tail())
        self.assertNotIn('"plugin.strike"', (data_dir / "dunetrace.log").read_text())
        config.write_text(text % (mine, "timeout_ms: 50"))
        host.start()
        host.wait_processed({"held": 1}, timeout_s=60)
        found = host.sql_rows("SELECT failure_type FROM failure_signals WHERE run_id = '%s'" % run.run_id)
        self.assertIn("TOOL_LOOP", [row[0] for row in found])


if __name__ == "__main__":
    unittest.main()
