"""PostgreSQL servers of a test's own, to be killed, stopped, filled and promoted; reached over a socket in their directory."""
import os
import pathlib
import pwd
import signal
import subprocess
import time
import unittest

from harness import wait_until

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
SETTINGS = {"listen_addresses": "''", "port": "5432", "max_connections": "60", "shared_buffers": "32MB",
            "log_min_error_statement": "panic", "log_error_verbosity": "terse"}


def binaries():
    """Where the programs of a server lie, all of them."""
    folders = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name), reverse=True)
    folders += [pathlib.Path(folder) for folder in os.environ.get("PATH", "").split(":")]
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "postgres", "psql", "pg_basebackup", "pg_ctl")):
            return folder
    raise unittest.SkipTest("the PostgreSQL server programs are not installed (scripts/setup run)")


def system_user():
    """postgres refuses to run as root."""
    return pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def as_server(command):
    """The command as the user the servers run as; exec'd, so that its process is the one started."""
    if os.geteuid() != 0:
        return command
    user = system_user()
    return ["setpriv", "--reuid=%d" % user.pw_uid, "--regid=%d" % user.pw_gid, "--clear-groups", *command]


def run(*command, timeout_s=60, check=True):
    done = subprocess.run(as_server([str(part) for part in command]), capture_output=True, text=True, timeout=timeout_s, cwd="/")
    if check and done.returncode != 0:
        raise AssertionError("%s: %s" % (pathlib.Path(str(command[0])).name, done.stderr.strip()[-600:]))
    return done


def children(pid):
    try:
        return [int(child) for child in pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()]
    except OSError:
        return []


class Cluster:
    """One server in `directory`/`name`, whose sockets lie in `directory`/`name`-socket."""

    def __init__(self, directory, name="main", **settings):
        self.data, self.sockets = pathlib.Path(directory) / name, pathlib.Path(directory) / (name + "-socket")
        self.log_file = pathlib.Path(directory) / (name + ".log")
        self.settings = {**SETTINGS, **settings, "unix_socket_directories": "'%s'" % self.sockets}
        self.process = None
        user = system_user()
        for folder in (self.data, self.sockets):
            folder.mkdir(mode=0o700, exist_ok=True)
            os.chown(folder, user.pw_uid, user.pw_gid)

    def create(self, *initdb_options):
        run(binaries() / "initdb", "-D", self.data, "-U", "dunetrace", "-A", "trust", "-E", "UTF8", "--locale=C", "-N", *initdb_options)
        return self.configure()

    def copy_of(self, primary):
        """A standby that streams from `primary`, from now on."""
        run(binaries() / "pg_basebackup", "-h", primary.sockets, "-U", "dunetrace", "-D", self.data, "-X", "stream", "-R", "-c", "fast")
        return self.configure()

    def configure(self):
        lines = "".join("%s = %s\n" % setting for setting in self.settings.items())
        (self.data / "test.conf").write_text(lines)
        with open(self.data / "postgresql.conf", "a") as file:
            file.write("include 'test.conf'\n")  # the last word wins
        return self

    def start(self, wait=True):
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(as_server([str(binaries() / "postgres"), "-D", str(self.data)]), cwd="/",
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        if wait:
            wait_until(self.answers, START_TIMEOUT_S, "the server answers", self.log_tail)
        return self

    def create_database(self):
        self.rows("CREATE DATABASE dunetrace", database="postgres")
        return self

    @property
    def url(self):
        return "host=%s port=5432 user=dunetrace dbname=dunetrace" % self.sockets

    def psql(self, sql, database="dunetrace", timeout_s=60):
        return run(binaries() / "psql", "-XAtq", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-h", self.sockets, "-p", "5432",
                   "-U", "dunetrace", "-d", database, "-c", sql, check=False, timeout_s=timeout_s)

    def rows(self, sql, database="dunetrace"):
        done = self.psql(sql, database)
        if done.returncode != 0:
            raise AssertionError("psql: %s" % done.stderr.strip())
        return [tuple(line.split("\x1f")) for line in done.stdout.splitlines()]

    def answers(self):
        return self.psql("SELECT 1", "postgres").returncode == 0

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, how=signal.SIGINT):
        """SIGINT: clients are cut and everything is written; SIGQUIT: at once, as after a crash."""
        if self.running():
            self.process.send_signal(how)
        self.process.wait(STOP_TIMEOUT_S)

    def kill(self):
        """kill -9 of the server and of every process of it."""
        everybody = [self.process.pid, *children(self.process.pid)]
        for pid in everybody:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(STOP_TIMEOUT_S)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while any(pathlib.Path("/proc/%d" % pid).exists() and not _zombie(pid) for pid in everybody) and time.monotonic() < deadline:
            time.sleep(0.01)

    def freeze(self):
        """The server takes connections and never answers, and its sessions end."""
        os.kill(self.process.pid, signal.SIGSTOP)
        for pid in children(self.process.pid):
            os.kill(pid, signal.SIGKILL)

    def kill_backend(self, application):
        """kill -9 of one session's process: the server cuts all others and recovers by itself."""
        found = self.psql("SELECT pid FROM pg_stat_activity WHERE application_name = '%s' LIMIT 1" % application)
        for pid in found.stdout.split():
            os.kill(int(pid), signal.SIGKILL)

    def terminate(self, application):
        self.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '%s'" % application)

    def promote(self):
        run(binaries() / "pg_ctl", "promote", "-w", "-D", self.data)

    def discard(self):
        if self.running():
            self.kill()

    def log_tail(self):
        return self.log_file.read_text(errors="replace")[-3000:] if self.log_file.exists() else ""


def _zombie(pid):
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True
