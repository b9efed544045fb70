"""kill -9 of the host: the next start on the same data directory works, and what was processed is still there."""
import json
import unittest
import uuid

from compare import compare_run
from harness import Host, run_dunetrace
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


if __name__ == "__main__":
    unittest.main()
