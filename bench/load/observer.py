"""CPU time and memory of a host and its PostgreSQL, from /proc. A thread looks at the memory until the end."""
import os
import pathlib
import threading

LOOK_EVERY_S = 0.05
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def stat_fields(pid):
    """Fields of /proc/PID/stat from the third on; None when the process is gone."""
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def family(root):
    """The process and all of its descendants."""
    parents = {}
    for entry in os.listdir("/proc"):
        fields = stat_fields(int(entry)) if entry.isdigit() else None
        if fields:
            parents.setdefault(int(fields[1]), []).append(int(entry))
    found = [root]
    for pid in found:
        found += parents.get(pid, [])
    return found


def cpu_s(pids):
    """User and system time, of children that ended, too."""
    fields = [f for f in map(stat_fields, pids) if f]
    return sum(int(f[i]) for f in fields for i in (11, 12, 13, 14)) / TICKS_PER_S


class Observer:
    def __init__(self, host):
        self._host, self._peak, self._stop = host, 0, threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _look(self):
        while not self._stop.wait(LOOK_EVERY_S):
            self._peak = max(self._peak, self.rss_mib())

    def cpu(self):
        postgres = family(self._host.postgres_pid())
        host = [pid for pid in family(self._host.process.pid) if pid not in postgres]
        return {"host": cpu_s(host), "postgres": cpu_s(postgres)}

    def rss_mib(self):
        """Of the host's own process, in MiB."""
        status = pathlib.Path("/proc/%d/status" % self._host.process.pid).read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def reset_peak(self):
        self._peak = self.rss_mib()

    def peak_mib(self):
        return self._peak
