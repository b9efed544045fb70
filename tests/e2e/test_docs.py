"""What the documentation says is true: its commands run, its settings exist, its links and paths lead somewhere.

A block of shell after one of these comments is run, in the order of the page, in a directory that looks like the repository:
    <!-- run -->   <!-- run: needs-host -->   <!-- run: needs-host, until: TEXT -->   (repeated until the output has TEXT)
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import BINARY, REPOSITORY, Host, host_environment, wait_until

BUILD = BINARY.parents[1]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
BLOCK_TIMEOUT_S = 180  # one block compiles a plugin, on a busy machine
UNTIL_TIMEOUT_S = 30   # an event becomes a signal within a second; the rest is for a busy machine
DEFAULT_PORTS = {"ingest": 8001, "api": 8002, "dashboard": 3000}

BLOCK = re.compile(r"^<!-- run(?:: *(?P<options>.*?))? *-->\n```sh\n(?P<script>.*?)^```$", re.M | re.S)
COMMENT = re.compile(r"^<!-- *run\b", re.M)
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
CODE = re.compile(r"`([^`\n]+)`")
SOURCE_PATH = re.compile(r"[^/].*/.*\.(?:cpp|hpp|h|c|md|py|mjs|js|yml|sql|cmake)")
SETTING_READ = re.compile(r'read\.(?:text|secret|choice|flag|seconds|list|whole<[\w:]+>)\("([A-Z_]+)"(?:, ("[^"]*"|true|false|[\d.\']+)[,)])?')
SETTING_ROW = re.compile(r"^\| `([A-Z_]+)` \| (.+?) \| (.+?) \|$", re.M)


class Block:
    def __init__(self, page, match):
        self.where = "%s:%d" % (page.relative_to(REPOSITORY), page.read_text().count("\n", 0, match.start("script")))
        options = match["options"] or ""
        self.needs_host = options.split(",")[0].strip() == "needs-host"
        self.until = options.split("until:", 1)[1].strip() if "until:" in options else None
        self.script = match["script"]


def blocks(page):
    return [Block(page, match) for match in BLOCK.finditer(page.read_text())]


def with_ports(script, ports):
    for role, port in DEFAULT_PORTS.items():
        script = re.sub(r"\blocalhost:%d\b" % port, "127.0.0.1:%d" % ports[role], script)
    return script


def make_workplace():
    """The repository as somebody sees it who has just built it: what lies in it may be read, new files land elsewhere."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="dunetrace-docs-"))
    directory.chmod(0o755)  # plugins are built in it, and nobody else may write where plugins lie
    for entry in REPOSITORY.iterdir():
        if entry.is_dir() and entry.name not in (".git", "build"):
            (directory / entry.name).symlink_to(entry)
        elif entry.is_file():
            shutil.copy(entry, directory)
    (directory / "build").mkdir()
    (directory / "build/release").symlink_to(BUILD)
    return directory


class Commands(unittest.TestCase):
    def setUp(self):
        self._host = None

    def host(self):
        """One per page, started when its first block needs one."""
        if self._host is None:
            self._host = self.enterContext(Host())
        return self._host

    def run_page(self, page):
        workplace = make_workplace()
        self.addCleanup(shutil.rmtree, workplace, ignore_errors=True)
        for block in blocks(page):
            with self.subTest(block.where):
                self.run_block(block, workplace)

    def run_block(self, block, workplace):
        data_dir, script = workplace / "data", block.script
        if block.needs_host:
            data_dir, script = self.host().data_dir, with_ports(script, self.host().ports)
        environment = host_environment(data_dir, {})
        environment["PATH"] = "%s:%s" % (BINARY.parent, environment["PATH"])
        done = []

        def run():
            # A umask of 022 as on Debian: what everybody may write to is no plugin.
            done[:] = [subprocess.run(["bash", "-euo", "pipefail"], input=script, text=True, cwd=workplace, env=environment,
                                      umask=0o022, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=BLOCK_TIMEOUT_S)]
            return block.until is None or block.until in done[0].stdout

        def output():
            return "%s: exit code %d\n%s--- it printed ---\n%s" % (block.where, done[0].returncode, script, done[0].stdout[-4000:])

        if block.until is None:
            run()
        else:
            wait_until(run, UNTIL_TIMEOUT_S, "%s prints %s" % (block.where, block.until), output)
        self.assertEqual(done[0].returncode, 0, output())

    def test_every_marked_block_is_found(self):
        for page in PAGES:
            inside = FENCE.sub("", page.read_text())  # a comment that is shown, not meant, stands in backticks or a fence
            with self.subTest(page.name):
                self.assertEqual(len(blocks(page)), len(COMMENT.findall(inside)), "a run comment without a ```sh block below it")


def page_test(page):
    return lambda self: self.run_page(page)


for _page in filter(blocks, PAGES):
    setattr(Commands, "test_" + re.sub(r"\W", "_", _page.stem.lower()), page_test(_page))


class Settings(unittest.TestCase):
    def setUp(self):
        self.defaults = {}
        for name, default in SETTING_READ.findall((REPOSITORY / "host/config/settings.cpp").read_text()):
            self.defaults.setdefault(name, []).append(default.strip('"').replace("'", "").removesuffix(".0"))
        self.rows = {name: default for name, default, _ in SETTING_ROW.findall((REPOSITORY / "docs/operating.md").read_text())}

    def test_documented_and_read_settings_are_the_same(self):
        self.assertGreater(len(self.defaults), 25, "the pattern for settings.cpp no longer fits")
        self.assertEqual(set(self.rows), set(self.defaults))

    def test_defaults_are_the_documented_ones(self):
        for name, defaults in self.defaults.items():
            for default in filter(None, defaults):
                with self.subTest(name):
                    self.assertIn("`%s`" % default, self.rows[name])


class Paths(unittest.TestCase):
    TOP = {entry.name for entry in REPOSITORY.iterdir() if entry.name not in ("build", ".git")}

    def test_links_lead_somewhere(self):
        for page in PAGES:
            for target in LINK.findall(FENCE.sub("", page.read_text())):
                with self.subTest("%s: %s" % (page.name, target)):
                    self.assertTrue((page.parent / target).exists())

    def test_paths_in_backticks_exist(self):
        seen = 0
        for page in PAGES:
            for word in CODE.findall(FENCE.sub("", page.read_text())):
                here = word.split("/")[0] in self.TOP and ("/" in word or "." in word)
                if not re.fullmatch(r"[\w.*/-]+", word) or not (here or SOURCE_PATH.fullmatch(word)):
                    continue
                seen += 1
                with self.subTest("%s: %s" % (page.name, word)):
                    found = any(any(base.glob(word.rstrip("/"))) for base in (REPOSITORY, REPOSITORY / "sdk/plugin/include"))
                    self.assertTrue(found, "no such path in the repository")
        self.assertGreater(seen, 50, "the pattern for paths no longer fits")


if __name__ == "__main__":
    unittest.main()
