"""SIGTERM ends the host within 10 s whatever the database does: hanging under load, hanging at the start, or away."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest
import uuid

from harness import BINARY, START_TIMEOUT_S, Connection, Host, host_environment, make_data_dir, wait_until
from run_builder import RunBuilder
from wire_text import batch_body

STOP_LIMIT_S = 10
START_STOP_LIMIT_S = 3
AGENT = "stopped"


def server_processes(data_dir):
    """Every process of the database server under `data_dir`: each works in the directory of the cluster."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(entry / "cwd") == os.path.realpath(os.path.join(data_dir, "postgres")):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def freeze(data_dir):
    """SIGSTOP for all of them, and again for those that were forked meanwhile."""
    frozen = set()
    while True:
        fresh = [pid for pid in server_processes(data_dir) if pid not in frozen]
        if not fresh:
            return frozen
        for pid in fresh:
            os.kill(pid, signal.SIGSTOP)
        frozen.update(fresh)


def kill_all(data_dir):
    for pid in server_processes(data_dir):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def batch():
    run = RunBuilder(str(uuid.uuid4()), AGENT).start()
    for _ in range(5):
        run.tool("search")
    return batch_body(run.complete("final_answer").events).encode()


class Load:
    """Posts batches and reads pages until the host is gone."""

    def __init__(self, ports):
        self.accepted = 0
        self._threads = [threading.Thread(target=self._post, args=(ports["ingest"],)) for _ in range(2)]
        self._threads.append(threading.Thread(target=self._read, args=(ports["api"],)))
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join(60)

    def _post(self, port):
        self._repeat(port, lambda c: c.send("POST", "/v1/ingest", batch(), {"Content-Type": "application/json"}, retry=False)[0])

    def _read(self, port):
        self._repeat(port, lambda c: c.send("GET", "/v1/agents", retry=False)[0])

    def _repeat(self, port, call):
        connection = Connection(port, timeout_s=30)
        try:
            while True:
                self.accepted += call(connection) == 202
        except Exception:  # pylint: disable=broad-except — the host is going away; how it does is another test's matter
            connection.close()


class HangingDatabase(unittest.TestCase):
    def test_under_load_it_ends_in_time_and_loses_nothing(self):
        host = Host()
        self.addCleanup(host.discard)
        self.addCleanup(kill_all, host.data_dir)
        host.start()
        load = Load(host.ports)
        try:
            wait_until(lambda: load.accepted >= 20, 60, "20 batches are accepted", host.log_tail)
            self.assertGreater(len(freeze(host.data_dir)), 3)
            seen = load.accepted
            wait_until(lambda: load.accepted >= seen + 20, 60, "20 batches are accepted while the database hangs", host.log_tail)
            begin = time.monotonic()
            host.terminate()
            code = host.wait_ended()
            took = time.monotonic() - begin
        finally:
            kill_all(host.data_dir)
            load.join()
        print("ended after %.1f s" % took)
        self.assertLess(took, STOP_LIMIT_S, host.log_tail())
        self.assertEqual(code, 0, host.log_tail())
        self.assertIn("ingest.events_kept", (host.data_dir / "dunetrace.log").read_text())
        host.start()
        stored = "SELECT count(*) FROM runs WHERE agent_id = '%s'" % AGENT
        wait_until(lambda: int(host.sql_rows(stored)[0][0]) >= load.accepted, 60, "the rest is stored", host.log_tail)

    def test_no_process_of_the_server_is_left(self):
        host = Host()
        self.addCleanup(host.discard)
        self.addCleanup(kill_all, host.data_dir)
        host.start()
        freeze(host.data_dir)
        begin = time.monotonic()
        host.terminate()
        host.wait_ended()
        self.assertLess(time.monotonic() - begin, STOP_LIMIT_S, host.log_tail())
        self.assertEqual(server_processes(host.data_dir), [])
        host.start()  # and the cluster is sound
        self.assertEqual(host.stop(), 0, host.log_tail())


class WhileStarting(unittest.TestCase):
    def setUp(self):
        self.data_dir = make_data_dir()
        self.addCleanup(shutil.rmtree, self.data_dir, ignore_errors=True)

    def stop_when(self, arguments, url, condition):
        """(exit code, seconds from SIGTERM to the end, output)."""
        output = pathlib.Path(self.data_dir, "output")
        with open(output, "wb") as log:
            process = subprocess.Popen([BINARY, *arguments], env=host_environment(self.data_dir, {"DATABASE_URL": url}),
                                       cwd=self.data_dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: condition(output), START_TIMEOUT_S, "the start waits for the database", output.read_text)
            begin = time.monotonic()
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
            return code, time.monotonic() - begin, output.read_text()
        finally:
            process.kill()
            process.wait()

    def assert_stops(self, arguments, url, condition):
        code, took, output = self.stop_when(arguments, url, condition)
        self.assertLess(took, START_STOP_LIMIT_S, output)
        self.assertEqual(code, 1, output)
        self.assertIn("dunetrace: stopped while starting", output)

    def waiting(self, output):
        log = pathlib.Path(self.data_dir, "dunetrace.log")
        return "database.waiting" in output.read_text() + (log.read_text() if log.exists() else "")

    def test_with_a_database_that_is_away(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            url = "postgresql://nobody@127.0.0.1:%d/none" % free.getsockname()[1]
        for arguments in (("serve", "--roles", "ingest"), ("up",)):
            with self.subTest(arguments):
                self.assert_stops(arguments, url, self.waiting)

    def test_with_a_database_that_takes_the_connection_and_says_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            silent.settimeout(START_TIMEOUT_S)
            url = "postgresql://nobody@127.0.0.1:%d/none?connect_timeout=0" % silent.getsockname()[1]
            kept = []

            def connected(_):
                kept.append(silent.accept()[0])
                return len(kept) == 2  # of the probe and of the start

            self.assert_stops(("serve", "--roles", "ingest"), url, connected)
            for connection in kept:
                connection.close()

    def test_with_a_server_of_its_own_on_the_way(self):
        process = subprocess.Popen([BINARY, "up"], env=host_environment(self.data_dir, {}), cwd=self.data_dir,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(kill_all, self.data_dir)
        try:
            fresh = pathlib.Path(self.data_dir, "postgres.initializing", "base")
            wait_until(fresh.exists, START_TIMEOUT_S, "the cluster is being made")
            begin = time.monotonic()
            process.send_signal(signal.SIGTERM)
            errors = process.communicate(timeout=60)[1]
            self.assertLess(time.monotonic() - begin, START_STOP_LIMIT_S, errors)
        finally:
            process.kill()
            process.wait()
        self.assertEqual((process.returncode, errors), (1, "dunetrace: stopped while starting\n"))
        self.assertEqual(server_processes(self.data_dir), [])


if __name__ == "__main__":
    unittest.main()
