"""The Detectors page and the banner of a quarantine, up to the command that ends it."""
import unittest

from support import BrowserCase, Host, clean_run, loop_run, run_dunetrace
from test_pages import CONTRAST, UNNAMED

WORDS = "ended by SIGSEGV in detect() <img src=x onerror=\"document.title='owned'\">"
REASON = "3 strikes within 10 minutes (crash, crash, deadline)"


class Detectors(BrowserCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host = cls.enterClassContext(Host(env={"SHADOW_DETECTORS": "SLOW_STEP"}))
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
        self.browser.wait("return document.querySelectorAll('.plugins .row').length === 15", what="15 detectors")
        self.assertEqual(self.cell("cell-state"), "LIVE")
        self.assertEqual(self.cell("cell-types"), "Tool Loop")
        self.assertEqual(self.cell("cell-version"), "1.0.0")
        self.assertEqual(self.cell("cell-mode"), "in the host")
        self.assertEqual(self.cell("cell-strike"), "—")
        self.assertEqual(self.browser.text("#detectors-count"), "14 live · 1 shadow")
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
            self.browser.wait_text("#runs-count", "2 runs loaded")
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
