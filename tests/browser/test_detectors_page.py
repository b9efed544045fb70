"""The Detectors page and the banner of a quarantine, up to the command that ends it."""
import collections
import pathlib
import shutil
import tempfile
import unittest

from support import BINARY, BrowserCase, Host, clean_run, loop_run, run_dunetrace, wait_until
from test_pages import CONTRAST, UNNAMED

WORDS = "ended by SIGSEGV in detect() <img src=x onerror=\"document.title='owned'\">"
REASON = "3 strikes within 10 minutes (crash, crash, deadline)"


class Detectors(BrowserCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        examples = BINARY.parents[1] / "lib/dunetrace/examples"
        cls.mine = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="dunetrace-browser-")))
        cls.mine.chmod(0o755)
        for example in (examples / "json_post.so", examples / "ticket_desk.so"):
            shutil.copy(example, cls.mine)
        config = cls.mine / "mine.yml"
        config.write_text("plugins:\n  directories: [%s]\n" % cls.mine)
        code, _, errors = run_dunetrace("plugins", "lock", str(cls.mine), data_dir=cls.mine)
        assert code == 0, errors
        cls.host = cls.enterClassContext(Host(env={"SHADOW_DETECTORS": "SLOW_STEP", "DETECTOR_CONFIG": str(config), "RELOAD_POLL_MS": "50"}))
        cls.host.post(loop_run("r-loop", "support").events)
        cls.host.post(clean_run("r-clean", "support").events)
        cls.host.wait_processed({"support": 2}, timeout_s=60)

    def setUp(self):
        self.browser.resize(1280, 900)
        self.browser.prefer("dark")
        self.host.sql_rows("DELETE FROM plugin_quarantine; DELETE FROM plugin_strikes; UPDATE plugin_hosts SET reload_ok = true;"
                           " NOTIFY dunetrace_plugins")

    def quarantine(self, component="tool_loop"):
        where = "FROM plugin_components WHERE component = '%s'" % component
        self.host.sql_rows(
            "INSERT INTO plugin_strikes (uid, component, sha256, library, version, at, offence, customer_id, run_id, text, reported_by)"
            " SELECT gen_random_uuid(), component, sha256, library, version, now() - interval '90 seconds', 'crash', 'dev_customer',"
            " 'r-loop', $$%s$$, 'test' %s;"
            "INSERT INTO plugin_quarantine (component, sha256, library, version, since, reason, opened_by)"
            " SELECT component, sha256, library, version, now() - interval '90 seconds', '%s', 'test' %s;"
            "NOTIFY dunetrace_plugins" % (WORDS, where, REASON, where))

    def row(self, component="tool_loop"):
        return "[...document.querySelectorAll('.plugins .row')].find((r) => r.querySelector('.plugin-id').innerText === '%s')" % component

    def cell(self, name, component="tool_loop"):
        return self.browser.js("return %s.querySelector('.%s').innerText" % (self.row(component), name))

    def refresh(self):
        self.browser.js("document.dispatchEvent(new Event('visibilitychange'))")

    def test_every_detector_is_listed_with_its_state(self):
        self.go("/#/detectors")
        self.wait_page("Detectors")
        states = collections.Counter(p["state"] for p in self.host.api("/v1/plugins")["components"] if p["kind"] == "detector")
        self.browser.wait("return document.querySelectorAll('[aria-label=Detectors] .row').length === %d" % states.total(), what="all detectors")
        self.assertEqual(self.cell("cell-state"), "LIVE")
        self.assertEqual(self.cell("cell-types"), "Tool Loop")
        self.assertEqual(self.cell("cell-version"), "1.0.0")
        self.assertEqual(self.cell("cell-mode"), "in the host")
        self.assertEqual(self.cell("cell-strike"), "—")
        self.assertEqual(self.browser.text("#detectors-count"), "%d detectors: %d live · %d shadow" % (states.total(), states["live"], states["shadow"]))
        self.assertGreaterEqual(states["live"], 14)
        self.assertEqual(self.cell("cell-state", "slow_step"), "SHADOW")
        self.assertEqual(self.browser.count("#quarantine-notice"), 0)
        self.assertEqual(self.browser.text(".nav-link[aria-current]").split()[0], "Detectors")

    def test_a_quarantine_shows_on_every_page_until_it_is_ended(self):
        self.quarantine()
        for page, title in (("overview", "Overview"), ("runs", "All runs"), ("alerts", "Alerts"), ("runs/r-loop", None)):
            with self.subTest(page):
                self.go("/#/" + page)
                self.browser.wait_text("#quarantine-notice", "A detector is quarantined")
                self.assertIn("tool_loop (%s)" % REASON, self.browser.text("#quarantine-notice"))
        self.browser.click("#quarantine-notice a")
        self.wait_page("Detectors")
        self.assertEqual(self.browser.count("#quarantine-notice"), 0, "the page itself says more")
        self.assertEqual(self.cell("cell-state"), "QUARANTINED")
        self.assertEqual(self.cell("cell-strikes"), "1")
        self.assertIn("crash", self.cell("cell-strike"))
        self.assertIn(WORDS[:40], self.cell("cell-strike"))
        self.assertIn("1 quarantined", self.browser.text("#detectors-count"))
        self.assertIn("dunetrace plugins enable tool_loop", self.browser.text(".plugins .why"))
        self.assertIn(REASON, self.browser.text(".plugins .why"))
        self.assertEqual(self.browser.js("return document.title"), "Detectors · Dunetrace")
        url = "host=%s/run user=dunetrace dbname=dunetrace" % self.host.data_dir
        code, out, errors = run_dunetrace("plugins", "list", data_dir=self.host.data_dir, env={"DATABASE_URL": url})
        self.assertEqual(code, 0, errors)
        self.assertRegex(out, r"tool_loop +detector +quarantined +in_process +1\.0\.0 +1 ")
        self.assertIn("    " + REASON, out)
        code, out, errors = run_dunetrace("plugins", "enable", "tool_loop", data_dir=self.host.data_dir, env={"DATABASE_URL": url})
        self.assertEqual(code, 0, errors)
        self.assertIn("enabled tool_loop 1.0.0", out)
        self.refresh()
        self.browser.wait("return document.querySelectorAll('.state-quarantined').length === 0", what="the detector is back")
        self.assertEqual(self.cell("cell-state"), "LIVE")
        self.assertIn("crash", self.cell("cell-strike"), "what it did is still known")
        code, _, errors = run_dunetrace("plugins", "enable", "tool_loop", data_dir=self.host.data_dir, env={"DATABASE_URL": url})
        self.assertEqual(code, 2)
        self.assertIn("component 'tool_loop' is not quarantined; none is", errors)

    def test_the_last_strike_leads_to_its_run(self):
        self.quarantine()
        self.go("/#/detectors")
        self.browser.wait_text(".cell-strike", "")
        self.browser.js("%s.querySelector('.cell-strike a').click()" % self.row())
        self.browser.wait("return document.getElementById('risk') !== null", what="the run's header")

    def test_destinations_and_integrations_are_loaded_and_no_more(self):
        self.go("/#/detectors")
        self.browser.wait_text("#other-plugins", "Destinations and integrations")
        self.assertEqual(self.browser.texts("#other-plugins .cell-state"), ["LOADED", "LOADED"])
        self.assertEqual(sorted(self.browser.texts("#other-plugins .cell-types")), ["Destination", "Integration"])
        heads = self.browser.texts("#other-plugins th")
        self.assertNotIn("Emits", [head.capitalize() for head in heads])
        self.assertEqual(self.browser.text("#other-plugins .panel-aside"), "2 loaded")

    def test_a_file_that_is_left_out_is_named(self):
        self.go("/#/detectors")
        self.browser.wait_text("h1", "Detectors")
        self.assertEqual(self.browser.count("#left-out"), 0)
        (self.mine / "text.so").write_text("no library")
        try:
            self.browser.wait("document.dispatchEvent(new Event('visibilitychange')); return document.getElementById('left-out') !== null", what="the card")
            self.assertIn(str(self.mine / "text.so"), self.browser.text("#left-out"))
            self.assertEqual(self.browser.text("#left-out .panel-aside"), "1 remark")
        finally:
            (self.mine / "text.so").unlink()
        self.browser.wait("document.dispatchEvent(new Event('visibilitychange')); return document.getElementById('left-out') === null", what="the card goes")

    def test_a_run_that_was_judged_incompletely_says_who_was_missing(self):
        self.go("/#/runs/r-clean")
        self.browser.wait_text("#run-title", "Clean run")
        self.assertEqual(self.browser.count("#incomplete"), 0)
        self.quarantine()
        wait_until(lambda: b'dunetrace_plugin_quarantined{component="tool_loop"} 1' in self.host.connection("api").send("GET", "/metrics")[2],
                   20, "detection knows of the quarantine", self.host.log_tail)
        self.host.post(clean_run("r-without", "support").events)
        detail = wait_until(lambda: self.host.judged("r-without"), 30, "the run is judged", self.host.log_tail)
        self.assertEqual([one["detector"] for one in detail["incomplete"]], ["tool_loop"])
        for width in (1280, 400):
            self.browser.resize(width, 900, mobile=width < 500)
            self.go("/#/runs/r-without")
            self.browser.wait_text("#incomplete", "Judged incompletely: 1 detector had no say")
            self.assertIn("tool_loop: quarantined since", self.browser.text("#incomplete"))
            self.assertIn(REASON, self.browser.text("#incomplete"))
            self.assertEqual(self.browser.text("#run-title"), "Nothing found, judged incompletely")
            self.assertEqual(self.browser.text("#risk"), "—", "nobody knows")
            self.assertNotIn("CLEAN", self.browser.text(".run-head"))
            self.assertIn("Not every detector had its say", self.browser.text("#why"))
            self.assert_no_sideways_scroll("an incomplete run at %d" % width)
            self.assertEqual(self.browser.js(CONTRAST), [], "contrast below 4.5:1")
            self.go("/#/runs?q=r-&severity=INCOMPLETE")
            self.browser.wait_text("table.runs .cell-severity", "INCOMPLETE")
            self.assertEqual(self.browser.js("return [...document.querySelectorAll('table.runs .cell-id a.mono')].map((a) => a.title)"), ["r-without"])
            self.assertEqual(self.browser.js("return document.querySelector('.cell-severity .pill').title"), "Judged without tool_loop")
            self.assertNotIn("CLEAN", self.browser.text("table.runs .cell-severity"))
            self.assert_no_sideways_scroll("a list with an incomplete run at %d" % width)
            self.assertEqual(self.browser.js(CONTRAST), [], "contrast below 4.5:1")

    def test_a_refused_reload_is_shown_with_its_reason(self):
        self.go("/#/detectors")
        self.assertEqual(self.browser.count("#reload-notice"), 0)
        self.host.sql_rows("UPDATE plugin_hosts SET reload_ok = false, reload_at = now(), reload_error = 'detectors.yml:3:5: unknown key'")
        self.refresh()
        self.browser.wait_text("#reload-notice", "detectors.yml:3:5: unknown key")

    def test_it_can_be_read_in_both_themes_and_on_a_phone(self):
        self.quarantine()
        for width, height in ((1280, 900), (820, 1000), (400, 800)):
            for scheme in ("dark", "light"):
                with self.subTest("%d %s" % (width, scheme)):
                    self.browser.resize(width, height, mobile=width < 500)
                    self.browser.prefer(scheme)
                    for page in ("overview", "detectors"):
                        self.go("/#/" + page)
                        self.browser.wait("return document.querySelector('.plugins .row, #quarantine-notice') !== null", what="the page")
                        self.assert_no_sideways_scroll("%s at %d" % (page, width))
                        self.assertEqual(self.browser.js(CONTRAST), [], "contrast below 4.5:1")
                        self.assertEqual(self.browser.js(UNNAMED), [], "controls without a name")

    def test_nothing_reported_yet_and_an_api_without_an_answer(self):
        self.host.sql_rows("ALTER TABLE plugin_components RENAME TO hidden")
        try:
            self.noise_expected = True  # the browser logs the failed request
            self.go("/#/detectors")
            self.browser.wait_text(".empty-title", "The state of detectors could not be loaded")
            self.go("/#/runs")
            self.browser.wait_text("#runs-count", " runs loaded")
        finally:
            self.host.sql_rows("ALTER TABLE hidden RENAME TO plugin_components")
        self.host.sql_rows("CREATE TABLE kept AS TABLE plugin_components; DELETE FROM plugin_components")
        try:
            self.go("/#/detectors")
            self.browser.wait_text(".empty-title", "No host has reported detectors yet")
        finally:
            self.host.sql_rows("INSERT INTO plugin_components SELECT * FROM kept; DROP TABLE kept")


if __name__ == "__main__":
    unittest.main()
