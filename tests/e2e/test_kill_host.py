"""kill -9 of the host: the next start on the same data directory works, and what was processed is still there."""
import json
import unittest
import uuid

from compare import compare_run
from harness import Host, run_dunetrace
from managed_database import ManagedDatabase
from run_builder import RunBuilder


def loop_run(agent):
    run = RunBuilder(str(uuid.uuid4()), agent).start()
    for _ in range(5):
        run.tool("search")
    return run.complete("final_answer")


class KillHost(unittest.TestCase):
    def test_restart_after_kill(self):
        before = [loop_run("killed") for _ in range(40)]
        after = [loop_run("killed") for _ in range(10)]
        with Host() as host:
            host.post([event for run in before for event in run.events])
            host.wait_processed({"killed": len(before)}, timeout_s=30)
            for _ in range(2):  # the second kill meets a server that was taken over once already
                host.kill()
                host.start()
                self.assertEqual(host.processed("killed"), len(before))
            host.post([event for run in after for event in run.events])
            host.wait_processed({"killed": len(before) + len(after)}, timeout_s=30)
            found = [d for run in before + after for d in compare_run(host, run.run_id, run.events)[0]]
            self.assertEqual(found, [])

    def test_a_second_host_on_the_same_directory_is_refused(self):
        with Host() as host:
            code, _, errors = run_dunetrace("up", data_dir=host.data_dir)
            self.assertIn(code, (1, 2), errors)
            self.assertEqual(len(errors.strip().splitlines()), 1, errors)
            self.assertIn(str(host.data_dir), errors)
            self.assertEqual(json.loads((host.data_dir / "ports.json").read_text()), host.ports)
            host.post(loop_run("first").events)
            host.wait_processed({"first": 1}, timeout_s=30)

    def test_another_start_leaves_the_ports_of_a_running_host_alone(self):
        with Host() as host:
            database = ManagedDatabase(host.data_dir)
            busy = {"DATABASE_URL": "host=%s port=%s user=dunetrace dbname=dunetrace" % (database.socket_dir, database.port),
                    "DUNETRACE_INGEST_PORT": str(host.ports["ingest"])}
            for arguments in (("up",), ("serve", "--roles", "ingest")):
                with self.subTest(arguments):
                    code, _, errors = run_dunetrace(*arguments, data_dir=host.data_dir, env=busy)
                    self.assertEqual(code, 2, errors)
                    self.assertEqual(json.loads((host.data_dir / "ports.json").read_text()), host.ports)

    def test_files_of_the_data_directory_are_not_for_everybody(self):
        with Host() as host:
            modes = {name: (host.data_dir / name).stat().st_mode & 0o777 for name in ("lock", "dunetrace.log")}
            self.assertEqual(modes, {"lock": 0o600, "dunetrace.log": 0o640})
            host.post(loop_run("first").events)
            host.wait_processed({"first": 1}, timeout_s=30)


if __name__ == "__main__":
    unittest.main()
