"""Starts the real host with its own ports and data directory, talks HTTP to it and ends it again.

Used by every test of this folder and by post_real_runs.py. One Host per test; its methods may be called from several
threads, each thread has its own keep-alive connections.

    with Host(stall_timeout_secs=1) as host:
        host.post(events)                       # raises unless 202
        host.wait_processed({"my-agent": 12})
        detail = host.api("/v1/runs/" + quote(run_id))
"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from urllib.parse import quote as _quote, urlsplit

import managed_database
from wire_text import batch_body

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("DUNETRACE_BIN", REPOSITORY / "build/release/bin/dunetrace"))
START_TIMEOUT_S = 60   # initdb on a loaded machine takes several seconds
STOP_TIMEOUT_S = 20    # the host promises 10
POLL_S = 0.05          # between two looks at a condition; every wait has a deadline
LOG_TAIL_LINES = 40
LOG_LINE_MOST = 500


def quote(text):
    return _quote(text, safe="")


def wait_until(condition, timeout_s, what, tail=lambda: ""):
    """The first true value of `condition`; an AssertionError that says what was awaited otherwise."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("waited %g s in vain until %s\n%s" % (timeout_s, what() if callable(what) else what, tail()))
        time.sleep(POLL_S)


class HttpError(AssertionError):
    def __init__(self, status, body, where):
        super().__init__("%s answered %d: %s" % (where, status, body[:600]))
        self.status, self.body = status, body


class Connection:
    """One keep-alive connection; reconnects once when the server has closed an idle one."""

    def __init__(self, port, timeout_s=30, host="127.0.0.1"):
        self._http = http.client.HTTPConnection(host, port, timeout=timeout_s)

    def send(self, method, path, body=None, headers=None, retry=True):
        """(status, headers, bytes). With `retry` False every broken connection is an error: nothing is sent twice."""
        try:
            self._http.request(method, path, body, headers or {})
            response = self._http.getresponse()
            return response.status, response.headers, response.read()
        except (ConnectionError, http.client.RemoteDisconnected, http.client.CannotSendRequest):
            self._http.close()
            if not retry:
                raise
            return self.send(method, path, body, headers, retry=False)

    def close(self):
        self._http.close()


class Client:
    """Ingest and API of a running host, wherever it runs."""

    def __init__(self, ingest_port, api_port, host="127.0.0.1"):
        self.ports, self.address = {"ingest": ingest_port, "api": api_port}, host
        self._local = threading.local()
        self._lock, self._opened = threading.Lock(), []  # of all threads, to close them

    @classmethod
    def of_urls(cls, ingest_url, api_url):
        ingest, api = urlsplit(ingest_url), urlsplit(api_url)
        return cls(ingest.port or 80, api.port or 80, ingest.hostname)

    def connection(self, role):
        kept = self._local.__dict__.setdefault("connections", {})
        key = (role, self.ports[role])
        if key not in kept:
            kept[key] = Connection(self.ports[role], host=self.address)
            with self._lock:
                self._opened.append(kept[key])
        return kept[key]

    def close(self):
        with self._lock:
            for connection in self._opened:
                connection.close()

    def post_text(self, text, retry=True):
        status, _, body = self.connection("ingest").send(
            "POST", "/v1/ingest", text.encode(), {"Content-Type": "application/json"}, retry)
        return status, body.decode("utf-8", "replace")

    def post(self, events, retry=True):
        """The answer of the 202; an HttpError for every other status."""
        status, body = self.post_text(batch_body(events), retry)
        if status != 202:
            raise HttpError(status, body, "POST /v1/ingest")
        answer = json.loads(body)
        assert answer["accepted"] == len(events), answer
        return answer

    def api(self, path):
        status, _, body = self.connection("api").send("GET", path)
        if status != 200:
            raise HttpError(status, body.decode("utf-8", "replace"), "GET " + path)
        return json.loads(body)

    def run(self, run_id):
        return self.api("/v1/runs/%s?include_shadow=true" % quote(run_id))

    def judged(self, run_id):
        """The run's detail once it was judged; None before, also while nothing of it is visible yet."""
        try:
            detail = self.run(run_id)
        except HttpError as error:
            if error.status != 404:
                raise
            return None
        return detail if detail["exit_reason"] is not None else None

    def processed(self, agent_id):
        return self.api("/v1/agents/%s/runs?limit=1" % quote(agent_id))["page"]["total"]

    def pages(self, agent_id, kind, extra=""):
        """Every element of /v1/agents/{id}/runs or …/signals, page by page."""
        offset = 0
        while True:
            page = self.api("/v1/agents/%s/%s?offset=%d&limit=500%s" % (quote(agent_id), kind, offset, extra))
            yield from page[kind]
            if not page["page"]["has_more"]:
                return
            offset += len(page[kind])

    def wait_processed(self, expected, timeout_s=120):
        """Waits until every agent has at least the expected number of judged runs."""
        counts = {}

        def all_there():
            counts.update({agent: self.processed(agent) for agent in expected if counts.get(agent, -1) < expected[agent]})
            return all(counts[agent] >= expected[agent] for agent in expected)

        wait_until(all_there, timeout_s, lambda: "all runs are processed; expected %s, have %s" % (expected, counts), self.log_tail)
        return counts

    def log_tail(self):
        return ""


class Host(Client):
    """`dunetrace up` as a process of its own. As a context manager it stops at the end and must exit with 0."""

    def __init__(self, data_dir=None, stall_timeout_secs=90, env=None):
        self._own_dir = data_dir is None
        self.data_dir = pathlib.Path(data_dir or make_data_dir())
        self.log_file = self.data_dir / "host.log"
        self._settings = {"STALL_TIMEOUT_SECS": str(stall_timeout_secs), **(env or {})}
        self.process = None
        super().__init__(0, 0)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.discard()
            raise

    def __exit__(self, failure, *_):
        try:
            if self.process is not None:
                code = self.stop()
                if failure is None and code != 0:
                    raise AssertionError("the host ended with %d after SIGTERM\n%s" % (code, self.log_tail()))
        finally:
            self.discard()

    def start(self):
        if not BINARY.exists():
            raise AssertionError("no binary at %s: build it, or set DUNETRACE_BIN" % BINARY)
        ports_file = self.data_dir / "ports.json"
        ports_file.unlink(missing_ok=True)
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([BINARY, "up"], env=host_environment(self.data_dir, self._settings),
                                            cwd=self.data_dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self._ended() or self._read_ports(ports_file), START_TIMEOUT_S, "ports.json is written", self.log_tail)
        wait_until(lambda: self._ended() or self._healthy(), START_TIMEOUT_S, "/health says ok on both ports", self.log_tail)
        return self

    def _ended(self):
        if self.process.poll() is not None:
            raise AssertionError("the host ended with %d while starting\n%s" % (self.process.returncode, self.log_tail()))
        return False

    def _read_ports(self, ports_file):
        try:
            self.ports = json.loads(ports_file.read_text())
        except (OSError, ValueError):
            return False
        return min(self.ports.get(role, 0) for role in ("ingest", "api", "dashboard")) > 0

    def _healthy(self):
        try:
            return all(self.connection(role).send("GET", "/health")[0] == 200 for role in ("ingest", "api"))
        except OSError:
            return False

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait_ended(self):
        try:
            code = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the host did not end within %d s of SIGTERM\n%s" % (STOP_TIMEOUT_S, self.log_tail()))
        self.process = None
        return code

    def stop(self):
        if self.process.poll() is None:
            self.terminate()
        return self.wait_ended()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def discard(self):
        """Ends what may be left, also a database server that lost its host, and removes the data directory."""
        self.close()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        managed_database.end_orphan(self.data_dir)
        if self._own_dir:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def sql_rows(self, sql):
        return managed_database.ManagedDatabase(self.data_dir).rows(sql)

    def log_tail(self):
        parts = []
        for file in (self.log_file, self.data_dir / "dunetrace.log"):  # what it printed, and the log it keeps
            if file.exists():
                lines = file.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
                parts += ["--- end of %s ---" % file] + [line[:LOG_LINE_MOST] for line in lines]
        return "\n".join(parts) or "(no log of the host)"


def make_data_dir():
    directory = tempfile.mkdtemp(prefix="dunetrace-e2e-")
    os.chmod(directory, 0o755)  # the database server runs as another user when the tests run as root
    return directory


def host_environment(data_dir, settings):
    """A clean environment: nothing of the caller's DUNETRACE_… or DATABASE_URL reaches the host under test."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER", "LD_LIBRARY_PATH")
            or k.endswith("SAN_OPTIONS")}
    return {**kept, "DUNETRACE_DATA_DIR": str(data_dir), "DUNETRACE_INGEST_PORT": "0", "DUNETRACE_API_PORT": "0",
            "DUNETRACE_DASHBOARD_PORT": "0", **settings}


def run_dunetrace(*arguments, data_dir, env=None, timeout_s=60):
    """One command of the binary to its end: (exit code, stdout, stderr)."""
    done = subprocess.run([BINARY, *arguments], env=host_environment(data_dir, env or {}), cwd=data_dir,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s)
    return done.returncode, done.stdout, done.stderr
