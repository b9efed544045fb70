"""docs/writing-a-plugin.md is followed to the letter: every command of it runs, in its order, with nothing but an installation
made by `cmake --install`; the plugin's finding comes back over the API and is on the dashboard's page.

A block of shell after one of these comments is run:
    <!-- tutorial -->   <!-- tutorial: TEXT -->   <!-- tutorial: until: TEXT, TEXT -->   <!-- tutorial: host -->
TEXT must be in what it prints; until: it is repeated until then; host: it runs on in the background, as in another terminal.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import managed_database
from harness import BINARY, REPOSITORY, host_environment, wait_until

PAGE = REPOSITORY / "docs/writing-a-plugin.md"
BUILD = BINARY.parents[1]
BLOCK = re.compile(r"^<!-- tutorial(?:: *(?P<options>.*?))? *-->\n```sh\n(?P<script>.*?)^```$", re.M | re.S)
COMMENT = re.compile(r"^<!-- *tutorial\b", re.M)
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
DEFAULT_PORTS = {"ingest": 8001, "api": 8002, "dashboard": 3000}
BLOCK_TIMEOUT_S = 300  # the longest one builds two plugins and checks them, on a busy machine
START_TIMEOUT_S = 120
UNTIL_TIMEOUT_S = 90   # a change is taken over and a run judged in about a second; the rest is for a busy machine


class Tutorial(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="dunetrace-tutorial-"))
        self.home.chmod(0o755)  # plugins lie in it, and nobody else may write where they do
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        source = self.home / "source"
        (source / "build").mkdir(parents=True)
        (source / "build/release").symlink_to(BUILD)
        self.data_dir = self.home / "data"
        self.data_dir.mkdir()
        self.ports = None
        self.process = None
        self.addCleanup(self.end_host)
        self.shell_state = self.home / "shell-state"
        self.shell_state.write_text("cd '%s'\n" % source)

    def environment(self):
        kept = host_environment(self.data_dir, {"HOME": str(self.home)})
        kept.pop("PKG_CONFIG_PATH", None)
        return kept

    def bash(self, script):
        """One block, in the directory and with the exported variables that the block before it left."""
        if self.ports:
            for role, port in DEFAULT_PORTS.items():
                script = re.sub(r"\blocalhost:%d\b" % port, "127.0.0.1:%d" % self.ports[role], script)
        keep = "{ export -p | grep -Ev ' (PWD|OLDPWD|SHLVL|_)='; printf 'cd %%q\\n' \"$PWD\"; } > '%s'" % self.shell_state
        whole = "source '%s'\n%s\n%s\n" % (self.shell_state, script, keep)
        return subprocess.run(["bash", "-euo", "pipefail"], input=whole, text=True, env=self.environment(), umask=0o022,
                              cwd=self.home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=BLOCK_TIMEOUT_S)

    def start_host(self, script):
        log = open(self.home / "host.log", "wb")
        self.addCleanup(log.close)
        self.process = subprocess.Popen(["bash", "-euo", "pipefail", "-c", "source '%s'\n%s" % (self.shell_state, script)],
                                        env=self.environment(), umask=0o022, cwd=self.home, stdin=subprocess.DEVNULL,
                                        stdout=log, stderr=log, start_new_session=True)
        ports = self.data_dir / "ports.json"
        wait_until(lambda: self.process.poll() is not None or ports.exists(), START_TIMEOUT_S, "the host is up", self.log)
        self.assertIsNone(self.process.poll(), self.log())
        self.ports = json.loads(ports.read_text())

    def end_host(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        managed_database.end_orphan(self.data_dir)

    def log(self):
        files = [self.home / "host.log", self.data_dir / "dunetrace.log"]
        return "\n".join(line[:1000] for file in files if file.exists() for line in file.read_text().splitlines()[-20:])

    def follow(self, where, options, script):
        if options == "host":
            return self.start_host(script)
        until = options.startswith("until:")
        texts = [text.strip() for text in options.removeprefix("until:").split(", ") if text.strip()]
        done = []

        def run():
            done[:] = [self.bash(script)]
            return all(text in done[0].stdout for text in texts)

        def output():
            return "%s: exit code %d\n%s--- it printed ---\n%s\n%s" % (where, done[0].returncode, script, done[0].stdout[-4000:],
                                                                       self.log() if self.ports else "")
        if until:
            wait_until(run, UNTIL_TIMEOUT_S, "%s prints %s" % (where, texts), output)
        else:
            self.assertTrue(run(), output())
        self.assertEqual(done[0].returncode, 0, output())
        for line in done[0].stdout.splitlines():
            self.assertNotRegex(line, r"\bwarning:", output())  # generated projects build without

    def test_every_command_of_the_page(self):
        text = PAGE.read_text()
        self.assertEqual(len(BLOCK.findall(text)), len(COMMENT.findall(FENCE.sub("", text))), "a comment without a block")
        for match in BLOCK.finditer(text):
            where = "%s:%d" % (PAGE.name, text.count("\n", 0, match.start("script")))
            self.follow(where, match["options"] or "", match["script"])
        self.look_at_the_explanation()

    def look_at_the_explanation(self):
        """What the page says is on the dashboard: its page is served, and has this to show."""
        done = self.bash("curl -sS --fail-with-body http://localhost:8002/v1/runs/costly\n"
                         "curl -sS --fail-with-body -o /dev/null http://localhost:3000/runs/costly\n")
        self.assertEqual(done.returncode, 0, done.stdout)
        found = {signal["failure_type"]: signal for signal in json.loads(done.stdout)["signals"]}["TOKEN_BUDGET"]
        self.assertEqual(found["evidence"]["total_tokens"], 61200)
        self.assertIn("its budget is 50,000", found["what"])
        self.assertFalse(found["shadow"])
        self.assertEqual(found["suggested_fixes"][0]["description"], "Stop a run that exceeds its budget")


if __name__ == "__main__":
    unittest.main()
