"""The clock of the host's machine leaps back and forth under load (libfaketime around the real process; the monotonic
clock runs on, as it does when somebody sets the time): nothing is lost or doubled, nothing hangs, and what the host
tells of time is what the clock said.

DUNE_FAULT_SECONDS lets it leap for so long.
"""
import json
import os
import pathlib
import random
import shutil
import threading
import time
import unittest

from cluster import Cluster
from harness import make_data_dir
from load import Load, OwnDatabaseHost, check_stored, number, seed, wait_stored
from run_builder import RunBuilder
from wire_text import batch_body

DAY_S = 86400
LEAPS_S = [-3600, 3600, -2 * DAY_S, 2 * DAY_S, -1, 1, -10 * 365 * DAY_S, 400 * DAY_S, 0]
LONGEST_REST_S = 0.5


def library():
    for folder in sorted(pathlib.Path("/usr/lib").glob("*/faketime")):
        if (folder / "libfaketimeMT.so.1").exists():
            return folder / "libfaketimeMT.so.1"
    raise unittest.SkipTest("libfaketime is not installed (scripts/setup test)")


class ClockHost(OwnDatabaseHost):
    """A host whose wall clock is `offset_s` away from the true time."""

    def __init__(self, url, rows, file):
        super().__init__(url, rows, env={
            "LD_PRELOAD": str(library()), "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "STALL_TIMEOUT_SECS": "5"})
        self._file = pathlib.Path(file)
        self._bodies = {}  # by key: a repeated request is the same to the byte
        self.leap(0)

    def leap(self, offset_s):
        draft = self._file.with_suffix(".draft")
        draft.write_text("%+d\n" % offset_s)
        os.replace(draft, self._file)
        self.offset_s = offset_s

    def queued_at(self, key=None):
        """What the host answers to a batch of one run; to the same one again where the key is the same."""
        if key not in self._bodies or key is None:
            run = RunBuilder(agent_id="told").start().complete("final_answer")
            self._bodies[key] = batch_body(run.events).encode()
        headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
        status, _, body = self.connection("ingest").send("POST", "/v1/ingest", self._bodies[key], headers)
        assert status == 202, (status, body)
        return json.loads(body)


class ClockLeaps(unittest.TestCase):
    def setUp(self):
        library()
        self.directory = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.cluster = Cluster(self.directory).create()
        self.addCleanup(self.cluster.discard)
        self.cluster.start().create_database()

    def host(self):
        return ClockHost(self.cluster.url, self.cluster.rows, self.directory / "offset")

    def assert_told(self, host, answer):
        self.assertLess(abs(answer["queued_at"] - time.time() - host.offset_s), 5, "the host's clock is at %d s" % host.offset_s)

    def test_what_was_accepted_is_stored_once(self):
        chance = random.Random(seed())
        until = time.monotonic() + number("DUNE_FAULT_SECONDS", 0)
        began, done = time.time(), 0
        with self.host() as host:
            with Load(host, "leaps") as load:
                while done == 0 or time.monotonic() < until:
                    for offset_s in [*chance.sample(LEAPS_S, len(LEAPS_S)), 0]:
                        host.leap(offset_s)
                        self.assert_told(host, host.queued_at())
                        load.wait_accepted(20)
                        threading.Event().wait(chance.uniform(0, LONGEST_REST_S))  # the random instant
                        done += 1
                    host.kill()  # with the clock anywhere, a start goes on with what is there
                    host.leap(chance.choice(LEAPS_S))
                    host.start()
                    load.wait_accepted(20)
            wait_stored(host)
            print("%d leaps" % done)
            check_stored(self, host, load)
            self.assert_judged(host, load)
        self.assert_stamps_are_the_databases(began)

    def assert_judged(self, host, load):
        """Work is claimed by the database's clock, and waits by the monotonic one."""
        accepted = load.accepted()
        host.wait_processed({"leaps": accepted}, timeout_s=120)

    def assert_stamps_are_the_databases(self, began):
        rows = self.cluster.rows("SELECT extract(epoch FROM min(received_at)), extract(epoch FROM max(received_at)) FROM events")
        first, last = map(float, rows[0])
        self.assertGreater(first, began - 5)
        self.assertLess(last, time.time() + 5)

    def test_a_repeated_batch_is_known_again_after_a_leap(self):
        with self.host() as host:
            first = {}
            for offset_s in (0, -10 * 365 * DAY_S, 2 * DAY_S, 400 * DAY_S):
                host.leap(offset_s)
                first[offset_s] = host.queued_at(key="key-%d" % offset_s)
            for offset_s in (-3600, 400 * DAY_S, 0):
                host.leap(offset_s)
                for key, answer in first.items():
                    self.assertEqual(host.queued_at(key="key-%d" % key), answer, "at %d s, of %d s" % (offset_s, key))
            for offset_s in (3600, 400 * DAY_S, -10 * 365 * DAY_S):
                host.kill()
                host.leap(offset_s)
                host.start()
                for key, answer in first.items():
                    self.assertEqual(host.queued_at(key="key-%d" % key), answer, "started at %d s, of %d s" % (offset_s, key))


if __name__ == "__main__":
    unittest.main()
