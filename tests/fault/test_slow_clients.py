"""Clients that are silent, dribble, vanish or do not read, by the thousand: others are served meanwhile, memory stays
bounded, the silent ones are ended, and every descriptor comes back.

DUNE_FAULT_IDLE sets how many connections are idle (5,000). The host ends a silent connection after a minute, so this test
takes more than one.
"""
import os
import pathlib
import resource
import selectors
import shutil
import socket
import statistics
import unittest

from cluster import Cluster
from harness import make_data_dir, wait_until
from load import Load, OwnDatabaseHost, check_stored, number, wait_stored

IDLE = int(number("DUNE_FAULT_IDLE", 5_000))
OF_A_KIND = 200   # of each other kind of bad client
MOST_MEMORY_MIB = 256
IDLE_LIMIT_S = 60  # of the host
SERVED = 500      # batches of well-behaved clients while the others are there
ANSWERED_S = 10   # the host's limit for a client that does not read: nobody waits for somebody else's

HEAD = b"POST /v1/ingest HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n"


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def memory_mib(pid, field):
    status = pathlib.Path("/proc/%d/status" % pid).read_text()
    return int(status.split(field + ":")[1].split()[0]) / 1024


class Crowd:
    """Connections to a port, opened and kept."""

    def __init__(self, port):
        self.port, self.sockets = port, []

    def connect(self, count, sent=b"", receive_buffer=None):
        for _ in range(count):
            client = socket.socket()
            self.sockets.append(client)
            if receive_buffer:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            client.settimeout(10)
            client.connect(("127.0.0.1", self.port))
            if sent:
                client.sendall(sent)
        return self.sockets[-count:]

    def ended(self):
        """How many the host has ended."""
        with selectors.DefaultSelector() as selector:
            for client in self.sockets:
                if client.fileno() >= 0:
                    selector.register(client, selectors.EVENT_READ)
            ready = [key.fileobj for key, _ in selector.select(0)]
        for client in ready:
            client.setblocking(False)
            try:
                while client.recv(65536):
                    pass
            except BlockingIOError:
                continue
            except OSError:
                pass
            client.close()
        return sum(client.fileno() < 0 for client in self.sockets)

    def close(self):
        for client in self.sockets:
            client.close()


class SlowClients(unittest.TestCase):
    def setUp(self):
        need = IDLE + 4 * OF_A_KIND + 500
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < 2 * need:  # the host has two of each
            self.skipTest("the limit of open files is %d, %d are needed" % (hard, 2 * need))
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, need), hard))
        directory = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        self.cluster = Cluster(directory).create()
        self.addCleanup(self.cluster.discard)
        self.cluster.start().create_database()

    def bad_clients(self, crowd):
        crowd.connect(IDLE)                                                  # say nothing
        crowd.connect(OF_A_KIND, HEAD)                                       # a head without its end
        crowd.connect(OF_A_KIND, HEAD + b"\r\n" + b" " * 50_000)             # half a body
        deaf = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 10
        crowd.connect(OF_A_KIND, deaf, receive_buffer=2048)                  # ask, and never read
        for client in crowd.connect(OF_A_KIND, HEAD):                        # half-open: they send no more
            client.shutdown(socket.SHUT_WR)

    def test_others_are_served_and_everything_comes_back(self):
        with OwnDatabaseHost(self.cluster.url, self.cluster.rows) as host:
            pid = host.process.pid
            with Load(host, "alone") as alone:
                alone.wait_accepted(SERVED)
            wait_stored(host)
            before = descriptors(pid)
            crowd = Crowd(host.ports["ingest"])
            self.addCleanup(crowd.close)
            self.bad_clients(crowd)
            with Load(host, "beside") as beside:
                beside.wait_accepted(SERVED)
                self.assertEqual(beside.refusals, [])
                self.assertLess(max(beside.latencies_s), ANSWERED_S)
            with_crowd = descriptors(pid)
            self.assertGreater(with_crowd, before + IDLE, "the crowd is really there")
            wait_until(lambda: crowd.ended() == len(crowd.sockets), IDLE_LIMIT_S + 60,
                       lambda: "the host has ended %d connections (%d)" % (len(crowd.sockets), crowd.ended()), host.log_tail)
            wait_until(lambda: descriptors(pid) <= before + 10, 30, lambda: "descriptors are back at %d (%d)" % (before, descriptors(pid)))
            self.assertLess(memory_mib(pid, "VmHWM"), MOST_MEMORY_MIB)
            wait_stored(host)
            for load in (alone, beside):
                check_stored(self, host, load)
            print("median of the 202s: alone %.2f ms, beside %d bad clients %.2f ms; descriptors %d, %d, %d; memory at most %.0f MiB, now %.0f" % (
                1000 * statistics.median(alone.latencies_s), len(crowd.sockets), 1000 * statistics.median(beside.latencies_s),
                before, with_crowd, descriptors(pid), memory_mib(pid, "VmHWM"), memory_mib(pid, "VmRSS")))


if __name__ == "__main__":
    unittest.main()
