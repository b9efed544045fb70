"""Roles as processes of their own on one database: the cluster of a data directory started alone, and `dunetrace serve`.

    with LoneDatabase() as database, ServedRoles(database, "ingest,api") as front:
        detect = [ServedRoles(database, "detect").start() for _ in range(3)]
"""
import json
import os
import pathlib
import pwd
import shlex
import shutil
import subprocess

import harness
import managed_database


class LoneDatabase:
    """The server that `dunetrace up` makes, with the schema and the same settings, without a host."""

    def __enter__(self):
        self.data_dir = pathlib.Path(harness.make_data_dir())
        try:
            with harness.Host(data_dir=self.data_dir):
                cluster = next(self.data_dir.rglob("postmaster.pid")).parent
                found = managed_database.ManagedDatabase(self.data_dir)
                self.url = "host=%s port=%s user=dunetrace dbname=dunetrace" % (found.socket_dir, found.port)
                command = shlex.split((cluster / "postmaster.opts").read_text())
            user = pwd.getpwuid(cluster.stat().st_uid).pw_name
            if os.geteuid() == 0 and user != "root":
                command = ["runuser", "-u", user, "--"] + command
            with open(self.data_dir / "postgres-alone.log", "ab") as log:
                self._process = subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            harness.wait_until(self._answers, harness.START_TIMEOUT_S, "the database answers")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _answers(self):
        try:
            return self.rows("SELECT 1")
        except AssertionError:
            return False

    def rows(self, sql):
        return managed_database.ManagedDatabase(self.data_dir).rows(sql)

    def value(self, sql):
        return self.rows(sql)[0][0]

    def __exit__(self, *_):
        managed_database.end_orphan(self.data_dir)
        if getattr(self, "_process", None) is not None:
            self._process.wait(harness.STOP_TIMEOUT_S)
        shutil.rmtree(self.data_dir, ignore_errors=True)


class ServedRoles(harness.Host):
    """`dunetrace serve --roles …` with a data directory of its own."""

    def __init__(self, database, roles, env=None):
        super().__init__(env={"DATABASE_URL": database.url, **(env or {})})
        self._roles = roles

    def start(self):
        ports_file = self.data_dir / "ports.json"
        ports_file.unlink(missing_ok=True)
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([harness.BINARY, "serve", "--roles", self._roles], cwd=self.data_dir,
                                            env=harness.host_environment(self.data_dir, self._settings),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        harness.wait_until(lambda: self._ended() or self._up(ports_file), harness.START_TIMEOUT_S, "the roles are up", self.log_tail)
        return self

    def _up(self, ports_file):
        try:
            self.ports = json.loads(ports_file.read_text())
            return all(self.connection(role).send("GET", "/health")[0] == 200
                       for role in self._roles.split(",") if role in ("ingest", "api"))
        except (OSError, ValueError):
            return False
