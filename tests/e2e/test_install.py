"""What `cmake --install` puts somewhere else is a working program that needs no setting to find its parts."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import harness

BUILD_DIR = os.environ.get("DUNETRACE_BUILD_DIR")


@unittest.skipUnless(BUILD_DIR, "DUNETRACE_BUILD_DIR does not name a build directory")
class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.prefix = pathlib.Path(tempfile.mkdtemp(prefix="dunetrace-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.prefix, ignore_errors=True)
        done = subprocess.run(["cmake", "--install", BUILD_DIR, "--prefix", str(cls.prefix)], capture_output=True,
                              text=True, timeout=240)
        if done.returncode != 0:
            raise AssertionError("cmake --install: %s" % done.stderr[-2000:])

    def setUp(self):
        built, harness.BINARY = harness.BINARY, self.prefix / "bin/dunetrace"
        self.addCleanup(setattr, harness, "BINARY", built)
        self.data_dir = harness.make_data_dir()
        self.addCleanup(shutil.rmtree, self.data_dir, ignore_errors=True)

    def test_lists_its_plugins(self):
        code, out, errors = harness.run_dunetrace("plugins", "list", data_dir=self.data_dir)
        self.assertEqual(code, 0, errors)
        self.assertIn("tool_loop", out)

    def test_brings_the_pages_that_its_texts_name(self):
        for page in ("operating.md", "writing-a-plugin.md", "plugin-check.md"):
            self.assertTrue((self.prefix / "share/doc/dunetrace" / page).is_file(), page)

    def test_reads_its_own_detectors(self):
        code, _, errors = harness.run_dunetrace("detectors", "check", data_dir=self.data_dir)
        self.assertEqual(code, 0, errors)

    def test_becomes_ready(self):
        with harness.Host() as host:
            host.api("/v1/agents")
            status, _, page = host.connection("dashboard").send("GET", "/")
            self.assertEqual(status, 200)
            self.assertIn(b"<html", page.lower())
            loaded = [line for line in (host.data_dir / "dunetrace.log").read_text().splitlines() if "dashboard.loaded" in line]
            self.assertIn(os.path.realpath(self.prefix), loaded[0], "its own files, not those of the build")


if __name__ == "__main__":
    unittest.main()
