"""File systems that a test can fill: a tmpfs of a few megabytes. Mounting one needs root; without, the test is skipped."""
import os
import pathlib
import subprocess
import tempfile
import unittest

BLOCK = b"x" * 65536


class SmallDisk:
    def __init__(self, test, folder, mebibytes):
        self.folder = pathlib.Path(folder)
        self._ballast = self.folder / "ballast"
        if os.geteuid() != 0:
            raise unittest.SkipTest("a small disk is a mounted tmpfs, and only root may mount")
        self.folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm,mode=755" % mebibytes, "dunetrace-test", self.folder],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise unittest.SkipTest("no tmpfs can be mounted here: %s" % done.stderr.strip())
        test.addCleanup(subprocess.run, ["umount", "-l", str(self.folder)], check=False)

    def fill(self):
        """Takes all the room there is."""
        with open(self._ballast, "ab", buffering=0) as file:
            for size in (len(BLOCK), 4096, 1):
                try:
                    while True:
                        file.write(BLOCK[:size])
                except OSError:
                    continue

    def free(self):
        self._ballast.unlink(missing_ok=True)

    def free_bytes(self):
        info = os.statvfs(self.folder)
        return info.f_bavail * info.f_frsize


def directory(test):
    """For what lies beside the small disks; removed after they are unmounted."""
    made = tempfile.TemporaryDirectory(prefix="dunetrace-disk-")
    test.addCleanup(made.cleanup)
    os.chmod(made.name, 0o755)  # the database server runs as another user
    return pathlib.Path(made.name)
