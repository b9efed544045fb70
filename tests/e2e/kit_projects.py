"""What the tests of `dunetrace plugin new` share: an installed SDK, and running an author's commands against it."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from harness import BINARY, host_environment

BUILD = BINARY.parents[1]
TIMEOUT_S = 240


class KitTestCase(unittest.TestCase):
    """An installation in a temporary place, and projects beside it."""

    @classmethod
    def setUpClass(cls):
        cls.top = pathlib.Path(tempfile.mkdtemp(prefix="dunetrace-kit-"))
        cls.top.chmod(0o755)
        cls.addClassCleanup(shutil.rmtree, cls.top, ignore_errors=True)
        cls.prefix = cls.top / "prefix"
        done = subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(done.stderr[-2000:])

    def run_in(self, directory, *command, expect=0):
        environment = host_environment(self.top, {"PKG_CONFIG_PATH": str(self.prefix / "lib/pkgconfig"), "CFLAGS": "-O1 -Werror",
                                                  "CXXFLAGS": "-O1 -Werror"})
        environment["PATH"] = "%s:%s" % (self.prefix / "bin", environment["PATH"])
        environment["HOME"] = os.environ.get("HOME", "/")
        done = subprocess.run([str(word) for word in command], cwd=directory, env=environment, umask=0o022, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S)
        self.assertEqual(done.returncode, expect, "%s\n%s" % (" ".join(map(str, command)), done.stdout[-6000:]))
        return done.stdout

    def new(self, *arguments, expect=0):
        return self.run_in(self.top, "dunetrace", "plugin", "new", *arguments, expect=expect)

    def exported(self, library):
        lines = self.run_in(self.top, "nm", "-D", "--defined-only", library).split("\n")
        return [line.split()[-1] for line in lines if line]
