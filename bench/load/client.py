"""Runs the client program (ingest_load) against one host. Used by measure.py and signals.py."""
import json
import os
import pathlib
import subprocess
import tempfile

LIMIT_S = 400  # of one part, waiting for visibility included
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def run_files():
    """Real runs when there are any: DUNETRACE_REAL_RUNS, or beside the checkout."""
    folder = pathlib.Path(os.environ.get("DUNETRACE_REAL_RUNS", REPOSITORY.parent / "shared/data/real-runs"))
    return sorted(folder.glob("*.ndjson.gz")) if folder.is_dir() else []


class Client:
    def __init__(self, program, host, files, salt):
        self._program, self._host, self._files, self._salt = program, host, files, salt
        self._folder = tempfile.TemporaryDirectory(prefix="dunetrace-load-")
        self._noted = pathlib.Path(self._folder.name) / "acknowledged"

    def copy(self, seconds, batch=100, rows_per_s=0):
        return self._load("copy", seconds, batch, "--rows-per-s", rows_per_s)

    def disk(self, seconds, per_s):
        """4 KB appended, and overwritten, and synced where the host's spool lies."""
        return self._tell("disk", "--directory", self._host.data_dir, "--seconds", seconds, "--rate", per_s)

    def send(self, seconds, batch, connections, most_behind=0, rate=0):
        return self._load("send", seconds, batch, "--port", self._host.ports["ingest"], "--connections", connections,
                          "--most-behind", most_behind, "--rate", rate, "--acknowledged", self._noted)

    def check(self):
        return self._run("check", "--acknowledged", self._noted)

    def _load(self, command, seconds, batch, *more):
        self._salt += 1
        runs = [part for file in self._files for part in ("--runs", file)]
        return self._run(command, "--batch", batch, "--salt", self._salt, "--seconds", seconds, *runs, *more)

    def _run(self, command, *more):
        return self._tell(command, "--database", self._host.database_url(), *more)

    def _tell(self, *arguments):
        line = [self._program, *arguments]
        done = subprocess.run([str(part) for part in line], capture_output=True, text=True, timeout=LIMIT_S)
        if done.returncode != 0:
            raise SystemExit("%s\n%s" % (done.stderr.strip(), self._host.log_tail()))
        return json.loads(done.stdout)
