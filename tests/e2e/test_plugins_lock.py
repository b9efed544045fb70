"""`dunetrace plugins lock` and `verify`, and a host that loads what they list and nothing else."""
import hashlib
import json
import os
import pathlib
import shutil
import unittest
import uuid

from harness import BINARY, Host, make_data_dir, run_dunetrace, wait_until
from run_builder import RunBuilder

BUILT = BINARY.parents[1] / "lib/dunetrace/plugins"
ALL = len(list(BUILT.glob("*.so")))
# Made with openssl for this test and used for nothing else.
PRIVATE_KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIHfL8c3BIRf/Bd4JRfCSpd23/5WCIXHZ0gAhYIcvztsl
-----END PRIVATE KEY-----
"""
PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA4icIAkzDL1llyqRaQE8sDNdRiNC4dAuusBydoddwI/w=
-----END PUBLIC KEY-----
"""
OTHER_PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA/CFHvriGn8OvsBMpoS3SuZSL9/VOn5T//GgLHeEjkz4=
-----END PUBLIC KEY-----
"""


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class PluginsLock(unittest.TestCase):
    """The host's own directory has all detectors but one; that one is the operator's, in a directory beside it."""

    def setUp(self):
        self.data_dir = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, self.data_dir, ignore_errors=True)
        self.own, self.mine = self.data_dir / "own", self.data_dir / "mine"
        shutil.copytree(BUILT, self.own)
        self.mine.mkdir()
        self.library = self.mine / "tool_loop.so"
        (self.own / "tool_loop.so").rename(self.library)
        self.config = self.write("mine.yml", "plugins:\n  directories: [%s]\n  detectors:\n    tool_loop: { live: true }\n"
                                 "default:\n  tool_loop: { threshold: 3 }\n" % self.mine)
        self.env = {"DUNETRACE_PLUGIN_DIR": str(self.own), "DETECTOR_CONFIG": str(self.config)}
        self.expect(0, "lock", self.own)

    def write(self, name, text):
        path = self.data_dir / name
        path.write_text(text)
        return path

    def run_command(self, *arguments, **env):
        return run_dunetrace(*map(str, arguments), data_dir=self.data_dir, env={**self.env, **env})

    def expect(self, code, *arguments, **env):
        got, out, err = self.run_command("plugins", *arguments, **env)
        self.assertEqual(got, code, out + err)
        return out + err

    def assert_says(self, text, *parts):
        for part in parts:
            self.assertIn(str(part), text)

    def test_the_build_lists_its_own_plugins(self):
        self.env = {}
        self.assert_says(self.expect(0, "lock", BUILT, "--check"), "is up to date")
        self.assert_says(self.expect(0, "verify"), "loads    %s" % (BUILT / "tool_loop.so"), ", in_process", "0 refused")

    def test_lock_writes_what_is_there_and_says_what_changed(self):
        lock = self.mine / "plugins.lock"
        self.assert_says(self.expect(1, "lock", self.mine, "--check"), "added    tool_loop.so", "would change: 1 library, 1 change")
        self.assertFalse(lock.exists(), "--check writes nothing")
        self.assert_says(self.expect(0, "lock", self.mine), "added    tool_loop.so: dunetrace.tool_loop 1.0.0, detector tool_loop, isolated")
        text = lock.read_text()
        self.assert_says(text, '"tool_loop.so":', 'sha256: "%s"' % sha256(self.library), 'id: "dunetrace.tool_loop"',
                         'version: "1.0.0"', "mode: isolated", '"tool_loop": "detector"')
        self.assert_says(self.expect(0, "lock", self.mine, "--check"), "is up to date")
        self.assert_says(self.expect(0, "lock", self.mine, "--mode", "tool_loop.so=in_process"), "mode isolated → in_process")
        with open(self.library, "ab") as file:
            file.write(b"more")
        self.assert_says(self.expect(0, "lock", self.mine), "changed  tool_loop.so: sha256")
        self.assertIn("mode: in_process", lock.read_text(), "a mode that was decided stays")
        self.library.rename(self.mine / "loops.so")
        self.assert_says(self.expect(0, "lock", self.mine), "added    loops.so", "removed  tool_loop.so")
        self.assertEqual([path.name for path in sorted(self.mine.iterdir())], ["loops.so", "plugins.lock"])

    def test_lock_refuses_what_makes_no_sense(self):
        self.assert_says(self.expect(2, "lock", self.mine, "--mode", "tool_loop.so=fast"), "in_process", "tool_loop.so=fast")
        self.assert_says(self.expect(2, "lock", self.mine, "--mode", "loop.so=isolated"), "holds no 'loop.so'", "tool_loop.so")
        self.assert_says(self.expect(2, "lock", self.data_dir / "nowhere"), "nowhere")
        (self.data_dir / "empty").mkdir()
        self.assert_says(self.expect(2, "lock", self.data_dir / "empty"), "holds no plugin")
        (self.mine / "text.so").write_text("no library")
        (self.mine / "more.so").write_text("neither")
        self.assert_says(self.expect(2, "lock", self.mine), "text.so: is no ELF library", "more.so: is no ELF library",
                         "nothing was written; mend what is named, or take it out")
        (self.mine / "text.so").unlink()
        (self.mine / "more.so").unlink()
        shutil.copy(self.library, self.mine / "again.so")
        self.assert_says(self.expect(2, "lock", self.mine), "again.so and", "are the same library", "nothing was written")
        with open(self.mine / "again.so", "ab") as file:
            file.write(b"more")
        self.assert_says(self.expect(2, "lock", self.mine), "again.so and", "both provide 'tool_loop'", "nothing was written")
        self.assertFalse((self.mine / "plugins.lock").exists())
        (self.mine / "again.so").unlink()
        (self.mine / "plugins.lock").write_text("version: 1\nplugins:\n  tool_loop.so: { mode: fast }\n")
        self.assert_says(self.expect(2, "lock", self.mine), "plugins.lock:3:", "remove it to begin anew")
        self.mine.chmod(0o777)
        self.assert_says(self.expect(2, "lock", self.mine), "everybody may write to it", "chmod go-w")

    def test_what_is_not_listed_is_named_wherever_it_is_missed(self):
        remedy = "run: dunetrace plugins lock '%s'" % self.mine
        code, _, errors = self.run_command("detectors", "check", self.config)
        lines = errors.strip().splitlines()
        self.assertEqual((code, len(lines)), (2, 3), errors)  # the reason, then the two places in the file
        self.assert_says(lines[0], "%s was not loaded: not listed" % self.library, remedy)
        self.assert_says(lines[1], "unknown detector 'tool_loop'", "expected one of")
        self.assert_says(lines[2], "unknown detector 'tool_loop'")
        self.assertNotIn("expected one of", lines[2])
        self.assert_says(self.expect(0, "verify"), "left out %s: not listed" % self.library, remedy, "%d to load, 0 refused, 1 left out" % (ALL - 1))
        self.write("mine.yml", "plugins:\n  directories: [%s]\n" % self.mine)
        out = self.expect(0, "list")
        self.assert_says(out, str(self.library), "not listed", remedy)
        self.assertNotRegex(out, r"(?m)^tool_loop ")
        self.expect(0, "lock", self.mine)
        self.assertRegex(self.expect(0, "list"), r"(?m)^tool_loop ")

    def test_a_host_does_not_start_with_other_bytes_than_listed(self):
        self.expect(0, "lock", self.mine)
        listed = sha256(self.library)
        with open(self.library, "ab") as file:
            file.write(b"more")
        code, _, errors = self.run_command("up")
        self.assertEqual((code, len(errors.strip().splitlines())), (2, 1), errors)
        self.assert_says(errors, self.library, listed, sha256(self.library), "dunetrace plugins lock '%s'" % self.mine)
        self.assert_says(self.expect(1, "verify"), "refused  %s: has sha256" % self.library, "nothing is loaded: 1 refused (%d good" % (ALL - 1))
        self.library.unlink()
        self.assert_says(self.expect(1, "verify"), "refused  %s: no such file" % self.library)
        code, _, errors = self.run_command("up")
        self.assertEqual(code, 2)
        self.assert_says(errors, "%s: no such file" % self.library, "put it back")

    def test_a_directory_that_is_not_there_is_named_with_its_place(self):
        self.write("mine.yml", "plugins:\n  directories: [%s]\n" % (self.data_dir / "nowhere"))
        code, _, errors = self.run_command("detectors", "check", self.config)
        self.assertEqual(code, 2)
        self.assert_says(errors, "mine.yml:2:17: plugin directory: %s: No such file" % (self.data_dir / "nowhere"))

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a directory to another user")
    def test_a_data_directory_below_one_of_somebody_else(self):
        volume = pathlib.Path(make_data_dir())
        self.addCleanup(shutil.rmtree, volume, ignore_errors=True)
        (volume / "data").mkdir(mode=0o755)
        os.chown(volume, 12345, 12345)
        self.expect(0, "lock", self.mine)
        with Host(data_dir=volume / "data", env=self.env) as host:
            host.api("/v1/agents")
            lines = [json.loads(line) for line in (host.data_dir / "dunetrace.log").read_text().splitlines()]
            warning, = [line for line in lines if line["event"] == "plugins.copies_elsewhere"]
            self.assert_says(warning["reason"], "belongs to user 12345", volume)
            copies = pathlib.Path(warning["directory"])
            self.assertEqual(copies.stat().st_mode & 0o777, 0o700)
        self.assertFalse(copies.exists(), "they go with the host")

    def test_signatures(self):
        key, public, other = (self.write(*pair) for pair in (("key.pem", PRIVATE_KEY), ("pub.pem", PUBLIC_KEY), ("other.pem", OTHER_PUBLIC_KEY)))
        self.expect(0, "lock", self.mine)
        self.assert_says(self.expect(1, "verify", PLUGINS_PUBLIC_KEY=str(public)), "plugins.lock.sig: no such file", "--sign")
        self.assert_says(self.expect(0, "lock", self.mine, "--sign", key), "is up to date", "signed")
        self.assert_says(self.expect(0, "verify", PLUGINS_PUBLIC_KEY=str(public)), "%d to load, 0 refused" % ALL)
        self.assert_says(self.expect(1, "verify", PLUGINS_PUBLIC_KEY=str(other)), "does not fit", other)
        out = self.expect(0, "lock", self.mine, "--mode", "tool_loop.so=in_process")
        self.assert_says(out, "plugins.lock.sig does not fit any more", "--sign KEY.pem")
        code, _, errors = self.run_command("up", PLUGINS_PUBLIC_KEY=str(public))
        self.assertEqual((code, len(errors.strip().splitlines())), (2, 1), errors)
        self.assert_says(errors, "plugins.lock.sig", "does not fit", public)
        self.assert_says(self.expect(2, "list", PLUGINS_PUBLIC_KEY="pub.pem"), "PLUGINS_PUBLIC_KEY", "absolute path")

    def test_unlocked_is_told_twice_in_production(self):
        self.assert_says(self.expect(2, "list", PLUGINS_UNLOCKED="true", AUTH_MODE="prod"), "PLUGINS_UNLOCKED", "even-in-production")
        self.assert_says(self.expect(2, "list", PLUGINS_UNLOCKED="perhaps"), "PLUGINS_UNLOCKED", "perhaps")
        out = self.expect(0, "list", PLUGINS_UNLOCKED="even-in-production", AUTH_MODE="prod")
        self.assertRegex(out, r"(?m)^tool_loop ")
        self.assertIn("PLUGINS_UNLOCKED", out)

    def test_unlocked_shows_everywhere(self):
        with Host(env={**self.env, "PLUGINS_UNLOCKED": "true"}) as host:
            for role in ("ingest", "api"):
                status, _, body = host.connection(role).send("GET", "/health")
                self.assertEqual((status, json.loads(body)["plugins"]), (200, "unlocked"), role)
            lines = [json.loads(line) for line in (host.data_dir / "dunetrace.log").read_text().splitlines()]
        self.assertEqual([line for line in lines if line.get("unlocked_plugins") is not True], [])
        self.assertEqual([line["level"] for line in lines if line["event"] == "plugins.unlocked"], ["warning"])

    def test_a_host_runs_listed_plugins_from_its_own_copies(self):
        self.expect(0, "lock", self.mine)
        copies = self.data_dir / "host/plugins"
        copies.mkdir(parents=True, mode=0o755)
        os.chmod(copies.parent, 0o755)
        (copies / ("e" * 64 + ".so")).write_text("of an older version")
        (copies / (sha256(self.library) + ".so")).write_text("bent")
        run = RunBuilder(str(uuid.uuid4()), "locked").start()
        for _ in range(5):
            run.tool("search")
        run.complete("final_answer")
        with Host(data_dir=copies.parent, env=self.env) as host:
            self.assertEqual(copies.stat().st_mode & 0o777, 0o700)
            expected = sorted("%s.so" % sha256(path) for path in [*self.own.glob("*.so"), self.library])
            self.assertEqual(sorted(path.name for path in copies.iterdir()), expected)
            for path in copies.iterdir():
                self.assertEqual((path.stat().st_mode & 0o777, sha256(path) + ".so"), (0o444, path.name))
            for role in ("ingest", "api"):
                self.assertNotIn("plugins", json.loads(host.connection(role).send("GET", "/health")[2]))
            host.post(run.events)
            detail = wait_until(lambda: host.judged(run.run_id), 30, "the run is judged", host.log_tail)
            self.assertIn("TOOL_LOOP", [signal["failure_type"] for signal in detail["signals"]])
            lines = (host.data_dir / "dunetrace.log").read_text()
            self.assertNotIn("unlocked_plugins", lines)

    def test_a_running_host_takes_over_what_is_listed_anew(self):
        self.expect(0, "lock", self.mine)
        with Host(env={**self.env, "RELOAD_POLL_MS": "50"}) as host:
            log, copies = host.data_dir / "dunetrace.log", host.data_dir / "plugins"

            def logged(event, *parts):
                return any('"event":"%s"' % event in line and all(str(part) in line for part in parts)
                           for line in log.read_text().splitlines())

            with open(self.library, "ab") as file:
                file.write(b"more")
            wait_until(lambda: logged("detectors.reload_failed", self.library, sha256(self.library), "dunetrace plugins lock"), 20,
                       "other bytes than listed are refused", host.log_tail)
            self.assertFalse((copies / (sha256(self.library) + ".so")).exists(), "what is refused is not kept")
            self.expect(0, "lock", self.mine)
            wait_until(lambda: logged("detectors.reloaded", "tool_loop"), 20, "the new file is in force", host.log_tail)
            self.assertTrue((copies / (sha256(self.library) + ".so")).exists())
            changed = self.own / "slow_step.so"
            with open(changed, "ab") as file:
                file.write(b"more")
            self.expect(0, "lock", self.own)
            wait_until(lambda: logged("plugin.restart_needed", changed, "takes effect after a restart"), 20,
                       "in-process code waits for a restart", host.log_tail)

    def test_what_is_left_out_shows_while_the_host_runs(self):
        with Host(env={**self.env, "DETECTOR_CONFIG": str(self.write("mine.yml", "plugins:\n  directories: [%s]\n" % self.mine)),
                       "RELOAD_POLL_MS": "50"}) as host:
            def left_out(expected):
                wait_until(lambda: [one["file"] for one in host.api("/v1/plugins")["hosts"][0]["not_loaded"]] == [str(path) for path in expected],
                           20, "the API names %s" % expected, lambda: "%s\n%s" % (host.api("/v1/plugins")["hosts"], host.log_tail()))
                return host.api("/v1/plugins")["hosts"][0]["not_loaded"]

            self.assertIn("dunetrace plugins lock '%s'" % self.mine, left_out([self.library])[0]["reason"])
            text = self.mine / "a\u2028\x01 b.so"  # a name that JSON has to escape
            text.write_text("no library")
            left_out([text, self.library])
            text.unlink()
            self.expect(0, "lock", self.mine)
            left_out([])
            log = (host.data_dir / "dunetrace.log").read_text()
            for told in ("2 files not loaded", "every file loaded"):
                self.assertIn(told, log)


if __name__ == "__main__":
    unittest.main()
