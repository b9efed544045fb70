"""The disk of the spool, and the one of the database, full under load: 503 with Retry-After, nothing accepted is lost,
and all goes on by itself once there is room.

DUNE_FAULT_SECONDS fills the spool's disk again and again for so long.
"""
import random
import threading
import time
import unittest

from cluster import Cluster
from harness import run_dunetrace, wait_until
from load import Load, OwnDatabaseHost, check_stored, number, seed, wait_stored
from small_disk import SmallDisk, directory

SPOOL_MIB = 24
DATABASE_MIB = 160
FEW = 10  # batches


class Refused:
    """Looks for 503s among the answers that come from now on."""

    def __init__(self, load):
        self.load, self.begin = load, len(load.refusals)

    def __call__(self):
        return any(status == 503 for status, _ in self.load.refusals[self.begin:])


class DiskFull(unittest.TestCase):
    def setUp(self):
        self.directory = directory(self)
        self.data_dir = self.directory / "host"
        self.data_dir.mkdir()

    def host(self, cluster):
        return OwnDatabaseHost(cluster.url, cluster.rows, data_dir=self.data_dir)

    def cluster(self):
        cluster = Cluster(self.directory).create()
        self.addCleanup(cluster.discard)
        return cluster.start().create_database()

    def assert_refusals_say_when(self, load):
        self.assertEqual({status for status, _ in load.refusals if status is not None}, {503})
        for _, retry_after in load.refusals:
            self.assertGreater(int(retry_after), 0)

    def test_the_backlog_fills_the_disk_of_the_spool(self):
        seed()
        SmallDisk(self, self.data_dir / "spool", SPOOL_MIB)
        cluster = self.cluster()
        with self.host(cluster) as host:
            with Load(host, "full") as load:
                load.wait_accepted(FEW)
                cluster.stop()
                wait_until(Refused(load), 120, "there is no room left", host.log_tail)
                load.wait_refused_only()
                cluster.start()
                load.wait_accepted(FEW)
            self.assert_refusals_say_when(load)
            wait_stored(host)
            check_stored(self, host, load)

    def test_somebody_else_fills_the_disk_of_the_spool(self):
        chance = random.Random(seed())
        disk = SmallDisk(self, self.data_dir / "spool", SPOOL_MIB)
        cluster = self.cluster()
        until = time.monotonic() + number("DUNE_FAULT_SECONDS", 6)
        with self.host(cluster) as host:
            with Load(host, "full") as load:
                while time.monotonic() < until:
                    load.wait_accepted(FEW)
                    threading.Event().wait(chance.uniform(0, 0.5))  # the random instant
                    refused = Refused(load)
                    disk.fill()
                    wait_until(refused, 60, "a full disk is told", host.log_tail)
                    disk.free()
                load.wait_accepted(FEW)
            self.assert_refusals_say_when(load)
            wait_stored(host)
            check_stored(self, host, load)

    def test_a_host_does_not_start_on_a_full_disk_and_says_so(self):
        seed()
        disk = SmallDisk(self, self.data_dir / "spool", SPOOL_MIB)
        cluster = self.cluster()
        with self.host(cluster) as host:
            with Load(host, "full") as load:
                load.wait_accepted(FEW)
                cluster.stop()
                load.wait_accepted(10 * FEW)
            disk.fill()
            host.kill()
            cluster.start()
            code, _, errors = run_dunetrace("up", data_dir=self.data_dir, env={"DATABASE_URL": cluster.url})
            self.assertEqual(code, 1, errors)
            self.assertRegex(errors, "spool/ingest.db: .*disk is full")
            disk.free()
            host.start()
            wait_stored(host)
            check_stored(self, host, load)

    def test_the_disk_of_the_database_is_full(self):
        chance = random.Random(seed())
        disk = SmallDisk(self, self.directory / "database", DATABASE_MIB)
        cluster = Cluster(disk.folder).create("--wal-segsize=1")
        self.addCleanup(cluster.discard)
        cluster.start().create_database()
        with self.host(cluster) as host:
            with Load(host, "full") as load:
                load.wait_accepted(FEW)
                threading.Event().wait(chance.uniform(0, 0.5))  # the random instant
                disk.fill()
                wait_until(lambda: "ingest.write_failed" in host.log_tail(), 60, "the database refuses", host.log_tail)
                load.wait_accepted(50 * FEW)  # goes on, into the spool
                self.assertEqual(load.refusals, [])
            disk.free()
            if not cluster.running():  # a server that cannot write its log ends; who runs it starts it again
                cluster.start()
            wait_stored(host)
            check_stored(self, host, load)


if __name__ == "__main__":
    unittest.main()
