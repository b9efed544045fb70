"""kill -9 of the real host at random instants under load: every batch answered with 202 is stored exactly once.

DUNE_FAULT_KILLS=1000 kills that often (one to two seconds each).
"""
import pathlib
import random
import shutil
import threading
import time
import unittest

from cluster import Cluster
from harness import Host, make_data_dir
from load import Load, OwnDatabaseHost, check_stored, number, seed, wait_stored

LONGEST_LIFE_S = 0.8  # of a host between its start and its kill


class KillSpool(unittest.TestCase):
    def kill_under_load(self, host, kills, agent):
        chance = random.Random(seed())
        begin = time.monotonic()
        with Load(host, agent) as load:
            for _ in range(kills):
                threading.Event().wait(chance.uniform(0.0, LONGEST_LIFE_S))  # the random instant itself
                host.kill()
                host.start()
        print("%d kills, %.2f s each" % (kills, (time.monotonic() - begin) / kills))
        wait_stored(host)
        check_stored(self, host, load)

    def test_host_with_a_database_elsewhere(self):
        directory = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        cluster = Cluster(directory).create()
        self.addCleanup(cluster.discard)
        cluster.start().create_database()
        with OwnDatabaseHost(cluster.url, cluster.rows) as host:
            self.kill_under_load(host, int(number("DUNE_FAULT_KILLS", 12)), "killed")

    def test_host_that_runs_its_own_database(self):
        with Host() as host:
            self.kill_under_load(host, int(number("DUNE_FAULT_KILLS", 40)) // 10, "killed-own")


if __name__ == "__main__":
    unittest.main()
