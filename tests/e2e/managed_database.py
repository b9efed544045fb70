"""Looks straight into the database server that a host runs for itself, past the host: counts rows, ends orphans.

Used by harness.py and by tests that need what no API shows. Never touches a server of another data directory.
"""
import os
import pathlib
import pwd
import signal
import subprocess
import time

STOP_TIMEOUT_S = 20
POLL_S = 0.05


class ManagedDatabase:
    """The server under `data_dir`; only while it runs."""

    def __init__(self, data_dir):
        files = list(pathlib.Path(data_dir).rglob("postmaster.pid"))
        if not files:
            raise AssertionError("no database server runs under %s" % data_dir)
        lines = files[0].read_text().splitlines()
        self.port, self.socket_dir = lines[3].strip(), lines[4].strip()
        self.system_user = pwd.getpwuid(files[0].stat().st_uid).pw_name

    def rows(self, sql):
        """Rows as tuples of text."""
        command = ["psql", "-XAtq", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-h", self.socket_dir, "-p", self.port,
                   "-U", "dunetrace", "-d", "dunetrace", "-c", sql]
        if os.geteuid() == 0 and self.system_user != "root":
            command = ["runuser", "-u", self.system_user, "--"] + command
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/")
        if done.returncode != 0:
            raise AssertionError("psql: %s" % done.stderr.strip())
        return [tuple(line.split("\x1f")) for line in done.stdout.splitlines()]


def end_orphan(data_dir):
    """Ends the server of this data directory when its host left it running."""
    for pid_file in pathlib.Path(data_dir).rglob("postmaster.pid"):
        try:
            pid = int(pid_file.read_text().splitlines()[0])
            if str(pid_file.parent) not in pathlib.Path("/proc/%d/cmdline" % pid).read_text():
                continue  # an old file; the number belongs to somebody else now
            os.kill(pid, signal.SIGINT)  # PostgreSQL's fast shutdown
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while pathlib.Path("/proc/%d" % pid).exists() and time.monotonic() < deadline:
                time.sleep(POLL_S)
        except (OSError, ValueError, IndexError):
            continue
