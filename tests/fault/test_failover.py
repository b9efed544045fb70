"""The database server freezes or dies under load and its standby takes over: DATABASE_URL names both, and nothing that
was accepted is lost.

Replication is synchronous, as it must be where a failover may lose nothing. DUNE_FAULT_FAILOVERS makes it more than one of
each; the server that failed comes back as the standby of the other.
"""
import pathlib
import random
import shutil
import threading
import unittest

from cluster import Cluster
from harness import make_data_dir, wait_until
from load import Load, OwnDatabaseHost, check_stored, number, seed, wait_stored

LONGEST_REST_S = 1.5


class Failover(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.first = self.server("first").create().start().create_database()
        self.second = self.standby_of(self.first, "second")

    def server(self, name):
        cluster = Cluster(self.directory, name)
        self.addCleanup(cluster.discard)
        return cluster

    def standby_of(self, primary, name):
        standby = self.server(name).copy_of(primary).start()
        primary.rows("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.rows("SELECT pg_reload_conf()")
        in_step = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        wait_until(lambda: primary.rows(in_step), 60, "the standby is in step", primary.log_tail)
        return standby

    def fail_over(self, primary, standby, frozen):
        if frozen:  # it would answer no one, and hide the other behind its name
            primary.freeze()
        else:
            primary.kill()
        standby.promote()
        standby.rows("ALTER SYSTEM RESET synchronous_standby_names")  # the copy waited for a standby, too
        standby.rows("SELECT pg_reload_conf()")

    def stored(self, server):
        return int(server.rows("SELECT coalesce(sum(position), 0) FROM spool_positions")[0][0])

    def test_what_was_accepted_is_stored_once(self):
        chance = random.Random(seed())
        both = "host=%s,%s port=5432,5432 user=dunetrace dbname=dunetrace target_session_attrs=read-write" % (
            self.first.sockets, self.second.sockets)
        primary, standby = self.first, self.second
        with OwnDatabaseHost(both, lambda sql: primary.rows(sql)) as host:
            with Load(host, "failover") as load:
                for turn in range(int(number("DUNE_FAULT_FAILOVERS", 2))):
                    load.wait_accepted(20)
                    threading.Event().wait(chance.uniform(0, LONGEST_REST_S))  # the random instant
                    self.fail_over(primary, standby, frozen=turn % 2 == 0)
                    primary, dead = standby, primary
                    seen = self.stored(primary)
                    wait_until(lambda: self.stored(primary) > seen, 60, "the writer goes on at the other server", host.log_tail)
                    if dead.running():
                        dead.kill()
                    shutil.rmtree(dead.data)
                    standby = self.standby_of(primary, dead.data.name)
            wait_stored(host)
            check_stored(self, host, load)


if __name__ == "__main__":
    unittest.main()
