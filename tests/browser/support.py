"""What the tests share: the end-to-end harness of ../e2e, runs with hostile texts, and a test case with a browser."""
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from harness import BINARY, Host, run_dunetrace, wait_until  # noqa: E402,F401
from run_builder import RunBuilder  # noqa: E402
from webdriver import MISSING, Browser  # noqa: E402

MARKUP = "<img src=x onerror=\"document.title='owned'\">"
LONG = "agent-" + "x" * 180
RIGHT_TO_LEFT = "وكيل الدعم"
HOSTILE_RUN = "<script>document.title='owned'</script>/%2F?#&\u202eevil"
LOOP_RUN = "b5ed23be-e4f0-43bc-8625-914223875508"


def loop_run(run_id, agent, tool="web_search", calls=5, now=None):
    run = RunBuilder(run_id, agent, now=now or time.time() - 60).start(tools=[tool])
    for n in range(calls):
        run.llm(prompt_tokens=200 + 50 * n, finish_reason="tool_calls")
        run.tool(tool)
    return run.complete("final_answer")


def clean_run(run_id, agent):
    return RunBuilder(run_id, agent, now=time.time() - 30).start(tools=["lookup"]).tool("lookup").llm().complete("final_answer")


def slow_run(run_id, agent):
    return RunBuilder(run_id, agent, now=time.time() - 90).start(tools=["lookup"]).tool("lookup", after=20).complete("final_answer")


def injected_run(run_id, agent):
    signal = {"matched_pattern_count": 3, "matched_patterns": ["ignore_instructions", MARKUP], "scan_truncated": False}
    return RunBuilder(run_id, agent, now=time.time() - 20).start(injection_signal=signal).llm().complete("final_answer")


def avoiding_run(run_id, agent):
    return RunBuilder(run_id, agent, now=time.time() - 10).start(tools=["lookup"]).llm().llm().complete("final_answer")


def some_runs():
    """Three agents with hostile names among healthy ones; 12 runs, signals of every kind of weight, a mild one last."""
    yield loop_run(LOOP_RUN, "support")
    yield loop_run("hard-loop", "support", calls=10)
    yield injected_run("injected", "support")
    yield slow_run("slow-1", "support")
    for n in range(4):
        yield clean_run("clean-%d" % n, "checkout")
    yield loop_run(HOSTILE_RUN, MARKUP, tool="<b>tool</b>")
    yield loop_run("long-name", LONG)
    yield loop_run("rtl-name", RIGHT_TO_LEFT)
    yield avoiding_run("avoiding", "checkout")


@unittest.skipIf(MISSING, MISSING)
class BrowserCase(unittest.TestCase):
    """One browser per class; every test ends with a quiet console unless it says `self.noise_expected`."""
    noise_expected = False

    @classmethod
    def setUpClass(cls):
        cls.browser = cls.enterClassContext(Browser())

    def tearDown(self):
        errors = self.browser.console_errors()
        self.browser.open("about:blank")  # a page left open would complain when its host ends
        if not self.noise_expected:
            self.assertEqual(errors, [])

    def go(self, path="/"):
        self.browser.open("about:blank")  # a changed hash alone would keep the page that is open
        self.browser.open("http://127.0.0.1:%d%s" % (self.host.ports["dashboard"], path))
        self.browser.wait("return document.querySelector('.live-live, .live-disconnected') !== null", what="the first load")

    def wait_page(self, title):
        self.browser.wait_text("h1", title)

    def assert_no_sideways_scroll(self, where):
        width = self.browser.js("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        self.assertLessEqual(width[0], width[1], "the page scrolls sideways: " + where)
