"""Clients that post one run per batch whatever becomes of host and database, and the check of what is stored in the end.

Half of the clients send a batch once and go on; the others send an Idempotency-Key and repeat the batch until it is
accepted, as a careful client does. Either way a batch that was answered with 202 must be stored once.
"""
import collections
import http.client
import os
import random
import re
import threading
import time
import uuid

from harness import Connection, Host, wait_until
from run_builder import RunBuilder
from wire_text import batch_body

TOOLS_PER_RUN = 8
ANSWER_LIMIT_S = 20
PAUSE_S = 0.02  # before the next try, when nobody is there or there is no room
DRAIN_LIMIT_S = 120


def seed():
    chosen = int(os.environ.get("DUNE_FAULT_SEED", random.randrange(1 << 30)))
    print("DUNE_FAULT_SEED=%d" % chosen)
    return chosen


def number(name, default):
    """A setting of the long versions, from the environment."""
    return float(os.environ.get(name, default))


class OwnDatabaseHost(Host):
    """`dunetrace up` on a database that the test runs."""

    def __init__(self, url, rows, **more):
        super().__init__(env={"DATABASE_URL": url, **more.pop("env", {})}, **more)
        self._rows = rows

    def sql_rows(self, sql):
        return self._rows(sql)


Answer = collections.namedtuple("Answer", "status events tries")  # status None: no answer came


class Load:
    def __init__(self, host, agent):
        self.host, self.agent = host, agent
        self.answers = {}  # run id → Answer
        self.latencies_s, self.refusals = [], []  # of the 202s; (status, Retry-After) of others
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(i % 2 == 1,)) 
                         for i in range(int(number("DUNE_FAULT_CLIENTS", 6)))]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * ANSWER_LIMIT_S)

    def accepted(self):
        with self._lock:
            return sum(answer.status == 202 for answer in self.answers.values())

    def wait_accepted(self, more, limit_s=60):
        """Until so many batches more are accepted."""
        goal = self.accepted() + more
        wait_until(lambda: self.accepted() >= goal, limit_s, "%d batches more are accepted" % more, self.host.log_tail)

    def wait_refused_only(self, refusals=50, limit_s=60):
        """Until so many refusals came in a row, with nothing accepted between them."""
        seen = {"accepted": -1, "refused": 0}

        def only_refused():
            accepted, refused = self.accepted(), len(self.refusals)
            if accepted != seen["accepted"]:
                seen.update(accepted=accepted, refused=refused)
            return refused - seen["refused"] >= refusals
        wait_until(only_refused, limit_s, "everything is refused", self.host.log_tail)

    def _work(self, repeats):
        connection = None
        while not self._stop.is_set():
            run = RunBuilder(str(uuid.uuid4()), self.agent).start()
            for _ in range(TOOLS_PER_RUN):
                run.tool("search")
            run.complete("final_answer")
            headers = {"Content-Type": "application/json"}
            if repeats:
                headers["Idempotency-Key"] = run.run_id
            body, tries, status = batch_body(run.events).encode(), 0, None
            while status != 202 and (tries == 0 or (repeats and not self._stop.is_set())):
                tries += 1
                connection, status = self._post(connection, body, headers)
            with self._lock:
                self.answers[run.run_id] = Answer(status, len(run.events), tries)
        if connection is not None:
            connection[1].close()

    def _post(self, connection, body, headers):
        port = self.host.ports["ingest"]
        if connection is None or connection[0] != port:
            connection = (port, Connection(port, timeout_s=ANSWER_LIMIT_S))
        begin = time.monotonic()
        try:
            status, answer_headers, _ = connection[1].send("POST", "/v1/ingest", body, headers, retry=False)
        except (OSError, http.client.HTTPException):
            connection[1].close()
            self._stop.wait(PAUSE_S)
            return None, None
        with self._lock:
            if status == 202:
                self.latencies_s.append(time.monotonic() - begin)
            else:
                self.refusals.append((status, answer_headers.get("Retry-After")))
        if status != 202:
            self._stop.wait(PAUSE_S)
        return connection, status

    def summary(self):
        by_status = collections.Counter(answer.status for answer in self.answers.values())
        repeated = sum(a.tries > 1 and a.status == 202 for a in self.answers.values())
        slowest = max(self.latencies_s, default=0)
        return "answers by status: %s, accepted after repeats: %d, slowest 202: %.2f s" % (dict(by_status), repeated, slowest)


def waiting_events(host):
    text = host.connection("ingest").send("GET", "/metrics")[2].decode()
    return float(re.search(r"^dunetrace_spool_events (\S+)", text, re.M).group(1))


def wait_stored(host, limit_s=DRAIN_LIMIT_S):
    """Until nothing accepted waits in the spool."""
    def empty():
        try:
            return waiting_events(host) == 0
        except (OSError, http.client.HTTPException):
            return False
    wait_until(empty, limit_s, "everything accepted is stored", host.log_tail)


def check_stored(test, host, load):
    """Every accepted batch is stored whole and once; the others too, or not at all; and `runs` counts the same."""
    accepted = [run for run, answer in load.answers.items() if answer.status == 202]
    test.assertGreater(len(accepted), 0)
    sql = ("SELECT run_id, count(*), count(DISTINCT (step_index, event_type)), count(DISTINCT batch_id) FROM events "
           "WHERE agent_id = '%s' GROUP BY run_id" % load.agent)
    stored = {run: tuple(map(int, counts)) for run, *counts in host.sql_rows(sql)}
    test.assertEqual([run for run in accepted if run not in stored], [], "accepted batches that are not stored")
    whole = {run: (answer.events, answer.events, 1) for run, answer in load.answers.items()}
    wrong = {run: found for run, found in stored.items() if found != whole.get(run)}
    test.assertEqual(wrong, {}, "batches that are not stored whole and once")
    counted = host.sql_rows("SELECT run_id, event_count FROM runs WHERE agent_id = '%s'" % load.agent)
    test.assertEqual({run: n for run, n in counted if int(n) != load.answers[run].events}, {}, "runs that count twice")
    print("%d accepted batches are stored once; %s" % (len(accepted), load.summary()))
