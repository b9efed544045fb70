"""PostgreSQL killed, stopped and its connections cut at random instants under load: what was accepted is stored once.

DUNE_FAULT_SECONDS makes it longer than one turn of every kind.
"""
import pathlib
import random
import shutil
import signal
import threading
import time
import unittest

from cluster import Cluster
from harness import make_data_dir, wait_until
from load import Load, OwnDatabaseHost, check_stored, number, seed, wait_stored

WRITER = "dunetrace-ingest"
LONGEST_REST_S = 0.7  # between two faults


class PostgresLost(unittest.TestCase):
    def setUp(self):
        directory = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        self.cluster = Cluster(directory).create()
        self.addCleanup(self.cluster.discard)
        self.cluster.start().create_database()

    def killed(self):
        self.cluster.kill()
        self.cluster.start()

    def stopped_at_once(self):
        self.cluster.stop(signal.SIGQUIT)
        self.cluster.start()

    def restarted(self):
        self.cluster.stop(signal.SIGINT)
        self.cluster.start()

    def one_session_killed(self):
        self.cluster.kill_backend(WRITER)
        wait_until(self.cluster.answers, 30, "the server has recovered", self.cluster.log_tail)

    def sessions_ended(self):
        self.cluster.terminate(WRITER)

    def many_sessions_ended(self):
        for _ in range(20):
            self.cluster.terminate(WRITER)

    def commit_in_doubt(self):
        """The commit is on the server's disk and waits for a standby that never comes; then its session is ended."""
        self.cluster.rows("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        self.cluster.rows("SELECT pg_reload_conf()")
        waits = "SELECT 1 FROM pg_stat_activity WHERE application_name = '%s' AND wait_event = 'SyncRep'" % WRITER
        wait_until(lambda: self.cluster.rows(waits), 30, "a commit of the writer waits", self.cluster.log_tail)
        self.cluster.terminate(WRITER)
        self.cluster.rows("ALTER SYSTEM RESET synchronous_standby_names")
        self.cluster.rows("SELECT pg_reload_conf()")

    def test_what_was_accepted_is_stored_once(self):
        chance = random.Random(seed())
        kinds = [self.killed, self.stopped_at_once, self.restarted, self.one_session_killed, self.sessions_ended,
                 self.many_sessions_ended, self.commit_in_doubt]
        until = time.monotonic() + number("DUNE_FAULT_SECONDS", 0)
        done = 0
        with OwnDatabaseHost(self.cluster.url, self.cluster.rows) as host:
            with Load(host, "lost") as load:
                load.wait_accepted(1)
                while done == 0 or time.monotonic() < until:
                    for fault in chance.sample(kinds, len(kinds)):
                        threading.Event().wait(chance.uniform(0, LONGEST_REST_S))  # the random instant
                        fault()
                        load.wait_accepted(10)  # ingest goes on whatever the database does
                        done += 1
            wait_stored(host)
            print("%d faults: %s" % (done, ", ".join(kind.__name__ for kind in kinds)))
            check_stored(self, host, load)
            self.assert_in_doubt_was_met(host)

    def assert_in_doubt_was_met(self, host):
        log = (host.data_dir / "dunetrace.log").read_text() + host.log_file.read_text()
        self.assertIn("while committing", log, "a commit was in doubt")


if __name__ == "__main__":
    unittest.main()
