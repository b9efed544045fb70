"""The two hosts that measure.py looks at, each with a database of its own that nobody else uses."""
import json
import os
import pathlib
import pwd
import re
import shlex
import subprocess

import harness
import managed_database

UNJUDGED = "SELECT count(*) FROM runs WHERE outcome IS NOT NULL AND judged_events < event_count"


class UpHost(harness.Host):
    """`dunetrace up`: all roles in one process."""

    judges = True

    def prime(self):
        """One batch to its end: a spool that begins anew lets its position leap, and the client counts by it."""
        self.post([{"event_type": "run.started", "run_id": "load-prime", "agent_id": "load-prime", "agent_version": "1",
                    "step_index": 0, "timestamp": 1767225600.0, "payload": {}, "parent_run_id": None}])
        self.settle(harness.START_TIMEOUT_S)

    def settle(self, limit_s):
        """Waits until nothing is left to do; what a role does later would be counted for somebody else."""
        harness.wait_until(lambda: self._waiting_events() == 0, limit_s, "all events are stored", self.log_tail)
        if self.judges:
            harness.wait_until(lambda: self.sql_rows(UNJUDGED) == [("0",)], limit_s, "all runs are judged", self.log_tail)

    def _waiting_events(self):
        text = self.connection("ingest").send("GET", "/metrics")[2].decode()
        return float(re.search(r"^dunetrace_spool_events (\S+)", text, re.M).group(1))

    def database_url(self):
        database = managed_database.ManagedDatabase(self.data_dir)
        return "host=%s port=%s user=dunetrace dbname=dunetrace" % (database.socket_dir, database.port)

    def postgres_pid(self):
        return int(next(self.data_dir.rglob("postmaster.pid")).read_text().splitlines()[0])


class IngestHost(UpHost):
    """`dunetrace serve --roles ingest`, on the cluster that an `up` before it has made, with the same settings."""

    judges = False

    def start(self):
        super().start()
        cluster = next(self.data_dir.rglob("postmaster.pid")).parent
        url = self.database_url()
        command = shlex.split((cluster / "postmaster.opts").read_text())
        self.stop()
        self._start_database(cluster, command)
        (self.data_dir / "ports.json").unlink(missing_ok=True)
        with open(self.log_file, "ab") as log:
            settings = {**self._settings, "DATABASE_URL": url}
            self.process = subprocess.Popen([harness.BINARY, "serve", "--roles", "ingest"], cwd=self.data_dir,
                                            env=harness.host_environment(self.data_dir, settings),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        harness.wait_until(self._ready, harness.START_TIMEOUT_S, "the ingest role is ready", self.log_tail)
        return self

    def _start_database(self, cluster, command):
        user = pwd.getpwuid(cluster.stat().st_uid).pw_name
        if os.geteuid() == 0 and user != "root":
            command = ["runuser", "-u", user, "--"] + command
        with open(self.data_dir / "postgres-alone.log", "ab") as log:
            self._database = subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def answers():
            try:
                return self.sql_rows("SELECT 1")
            except AssertionError:
                return False
        harness.wait_until(answers, harness.START_TIMEOUT_S, "the database answers", self.log_tail)

    def _ready(self):
        if self._ended():
            return False
        try:
            self.ports = json.loads(pathlib.Path(self.data_dir / "ports.json").read_text())
            return self.connection("ingest").send("GET", "/health")[0] == 200
        except (OSError, ValueError):
            return False

    def discard(self):
        managed_database.end_orphan(self.data_dir)
        if getattr(self, "_database", None) is not None:
            self._database.wait(harness.STOP_TIMEOUT_S)
        super().discard()
