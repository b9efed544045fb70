"""The pages with data: numbers, filters, groups, the detail of a run, hostile texts, themes and sizes."""
import json
import unittest
from urllib.parse import quote

from support import HOSTILE_RUN, LONG, LOOP_RUN, MARKUP, RIGHT_TO_LEFT, BrowserCase, Host, some_runs

# Relative luminance contrast of an element's text on the first opaque background behind it (WCAG 2). Colours are read
# through a canvas, so that color-mix() and light-dark() come out as plain numbers.
CONTRAST = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
function rgba(color, under) {
  canvas.globalCompositeOperation = 'copy';
  canvas.fillStyle = `rgb(${under})`;
  canvas.fillRect(0, 0, 1, 1);
  canvas.globalCompositeOperation = 'source-over';
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
}
function luminance(color) {
  const [r, g, b] = color.map((c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function behind(element) {
  const chain = [];
  for (let e = element; e; e = e.parentElement) chain.unshift(e);
  let color = [255, 255, 255];
  for (const e of chain) {
    const before = color;
    color = rgba(getComputedStyle(e).backgroundColor, color);
    const opacity = Number(getComputedStyle(e).opacity);
    color = color.map((c, i) => c * opacity + before[i] * (1 - opacity));
  }
  return color;
}
const poor = [];
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
  const box = element.getBoundingClientRect();
  if (!own || !element.checkVisibility({opacityProperty: true, visibilityProperty: true}) || box.width < 2 || element.closest('.hidden-visually, .skip')) continue;
  const back = behind(element);
  let opacity = 1;
  for (let e = element; e; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
  let front = rgba(getComputedStyle(element).color, back);
  front = front.map((c, i) => c * opacity + back[i] * (1 - opacity));
  const [a, b] = [luminance(front), luminance(back)];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const style = getComputedStyle(element);
  const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
  if (ratio < (large ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)} .${element.getAttribute('class')} "${element.innerText.slice(0, 30)}"`);
}
return [...new Set(poor)].slice(0, 20);
"""

UNNAMED = """
return [...document.querySelectorAll('a, button, input, select')].filter((e) => e.checkVisibility() &&
  !(e.innerText || e.getAttribute('aria-label') || e.labels?.length || e.title)).map((e) => e.outerHTML.slice(0, 120));
"""


class Pages(BrowserCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host = cls.enterClassContext(Host(env={"SHADOW_DETECTORS": "SLOW_STEP"}))
        runs = list(some_runs())
        expected = {}
        for run in runs:
            cls.host.post(run.events)
            expected[run.events[0]["agent_id"]] = expected.get(run.events[0]["agent_id"], 0) + 1
        cls.host.wait_processed(expected, timeout_s=60)
        cls.agents = {agent["agent_id"]: agent for agent in cls.host.api("/v1/agents?limit=50")["agents"]}

    def setUp(self):
        self.browser.resize(1280, 900)
        self.browser.prefer("dark")

    def total(self, member):
        return sum(agent[member] for agent in self.agents.values())

    def detail(self, run_id, query=""):
        self.go("/#/runs/%s%s" % (quote(run_id, safe=""), query))
        self.browser.wait("return document.getElementById('risk') !== null", what="the run's header")

    def pick(self, selector, value):
        self.browser.js("const e = document.querySelector(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event('change'))", selector, value)

    def test_overview_shows_the_sums_over_agents(self):
        self.go()
        self.wait_page("Overview")
        shown = {key: self.browser.text("#stat-%s .stat-value" % key) for key in ("critical", "high", "signals", "runs")}
        self.assertEqual(shown, {"critical": str(self.total("critical_count")), "high": str(self.total("high_count")),
                                 "signals": str(self.total("signal_count")), "runs": str(self.total("run_count"))})
        self.assertGreaterEqual(self.total("critical_count"), 2)  # the hard loop and the injection
        self.assertIn("+%d" % self.total("signal_count"), self.browser.text("#stat-signals .stat-delta"))
        self.assertEqual(self.browser.text(".nav-link[aria-current=page] .badge").split()[0], str(self.total("critical_count")))
        self.assertEqual(self.browser.count("#feed tbody tr"), 8)
        self.assertEqual(self.browser.count("#trend .bar"), 24)
        self.assertEqual(self.browser.text("#trend .panel-aside").split()[0], str(self.total("signal_count")))
        self.assertIn("Tool Loop", self.browser.text("#patterns"))

    def test_info_texts_open_by_keyboard(self):
        self.go()
        self.wait_page("Overview")
        self.browser.js("document.querySelector('#stat-critical .info-button').focus()")
        self.assertIn("0.85", self.browser.wait("const t = document.getElementById('tip-critical'); return t.checkVisibility({visibilityProperty: true}) && t.innerText"))

    def test_trend_window_changes_the_comparison(self):
        self.go()
        self.wait_page("Overview")
        self.browser.click(".segmented button:nth-child(1)")
        self.browser.wait_text("#stat-signals .stat-delta", "the hour before")
        self.assertEqual(self.browser.js("return document.activeElement.innerText"), "last hour")

    def test_runs_can_be_filtered(self):
        self.go("/#/runs")
        self.wait_page("All runs")
        self.assertEqual(self.browser.count("tbody tr"), 12)
        self.pick("#filter-severity", "CLEAN")
        self.browser.wait("return document.querySelectorAll('tbody tr').length === 5", what="4 clean runs and the one with a shadow signal")
        self.pick("#filter-severity", "")
        self.browser.type("#filter-q", "CHECK")
        self.browser.wait("return document.querySelectorAll('tbody tr').length === 5", what="the runs of checkout")
        self.assertIn("q=CHECK", self.browser.js("return location.hash"))
        self.browser.click("#filter-clear")
        self.browser.wait("return document.querySelectorAll('tbody tr').length === 12")
        self.pick("#filter-agent", MARKUP)
        self.browser.wait("return document.querySelectorAll('tbody tr').length === 1", what="the run of the agent")
        self.browser.type("#filter-q", "nothing like this")
        self.browser.wait_text(".empty", "No run matches")

    def test_a_row_opens_the_run_and_back_returns_to_the_filtered_list(self):
        self.go("/#/runs?agent=support")
        self.wait_page("All runs")
        self.browser.click("tbody tr .cell-steps")
        self.browser.wait("return document.getElementById('risk') !== null", what="the run's header")
        self.browser.click("#back")
        self.wait_page("All runs")
        self.assertEqual(self.browser.js("return location.hash"), "#/runs?agent=support")

    def test_alerts_are_grouped_worst_first_with_shadow_signals_apart(self):
        self.go("/#/alerts")
        self.wait_page("Alerts")
        self.browser.wait("return document.querySelector('#shadow') !== null", what="the shadow section")
        pills = self.browser.texts("[aria-label='Live signals by failure type'] .group-head .pill")
        order = ["CRITICAL", "HIGH", "MEDIUM", "LOW"]
        self.assertEqual(pills, sorted(pills, key=order.index))
        self.assertEqual((pills[0], pills[-1]), ("CRITICAL", "MEDIUM"))
        open_groups = self.browser.js("return [...document.querySelectorAll('[aria-label^=Live] .group-head[aria-expanded=true] .pill')].map((p) => p.innerText)")
        self.assertEqual(open_groups, [pill for pill in pills if pill in ("CRITICAL", "HIGH")])
        self.assertIn("Slow Step", self.browser.text("#shadow"))
        self.assertNotIn("Slow Step", self.browser.text("[aria-label^=Live]"))

    def test_a_closed_group_stays_closed_through_a_refresh(self):
        self.go("/#/alerts")
        self.wait_page("Alerts")
        self.browser.click(".group-head")
        self.browser.wait("return document.querySelector('.group-head').getAttribute('aria-expanded') === 'false'")
        self.browser.js("window.seen = document.querySelector('.group'); window.scrollTo(0, 40);"
                        "window.loads = performance.getEntriesByType('resource').length; document.dispatchEvent(new Event('visibilitychange'))")
        self.browser.wait("return performance.getEntriesByType('resource').length >= window.loads + 11", what="a second load of all agents")
        self.assertEqual(self.browser.js("return document.querySelector('.group-head').getAttribute('aria-expanded')"), "false")
        self.assertTrue(self.browser.js("return window.seen.isConnected"))

    def test_run_detail_explains_the_failure(self):
        self.detail(LOOP_RUN)
        signal = next(s for s in self.host.run(LOOP_RUN)["signals"] if s["failure_type"] == "TOOL_LOOP")
        plain = lambda text: text.replace("`", "")
        self.assertEqual(self.browser.text("#run-title"), "Tool Loop")
        self.assertEqual(self.browser.text("#run-id"), LOOP_RUN)
        self.assertEqual(self.browser.text("#risk"), "76%")
        self.assertIn(plain(signal["what"]), self.browser.text("#why-what"))
        self.assertIn(plain(signal["evidence_summary"]), self.browser.text("#signals"))
        self.assertIn("gpt-4o", self.browser.text(".run-meta"))
        self.assertEqual(self.browser.js("return [...document.querySelectorAll('.node-label')].map((n) => n.innerText)")[:3], ["START", "LLM", "web_sea…"])
        self.assertEqual(self.browser.count(".node-bad .node-loop"), 5)
        self.browser.click(".card .more-box summary")
        for fix in signal["suggested_fixes"]:
            self.browser.wait_text(".card .fixes", plain(fix["description"]))
        codes = [fix["code"].strip() for fix in signal["suggested_fixes"] if fix["code"]]
        self.assertEqual(self.browser.texts(".card .fixes code:not(.fix-text code)"), codes)

    def test_fix_code_is_copied(self):
        self.detail(LOOP_RUN)
        self.browser.cdp("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        self.browser.click("#why .copy")
        self.browser.wait("return document.querySelector('#why .copy').dataset.state === 'done'", what="the button to say Copied")
        self.browser.js("navigator.clipboard.readText().then((text) => { window.clip = text; })")
        self.assertEqual(self.browser.wait("return window.clip"), self.browser.js("return document.querySelector('#why pre').textContent"))

    def test_event_log_expands_to_the_payload(self):
        self.detail(LOOP_RUN)
        self.browser.click("#tab-events")
        events = self.host.run(LOOP_RUN)["events"]
        self.browser.wait("return document.querySelectorAll('.event').length === arguments[0]", len(events))
        self.browser.click(".event:nth-of-type(4) .toggle")
        self.assertEqual(json.loads(self.browser.wait("return document.querySelector('.payload pre')?.textContent")), events[3]["payload"])
        self.assertIn("hashes", self.browser.text(".log-head"))
        self.browser.js("document.dispatchEvent(new Event('visibilitychange'))")
        self.browser.click(".event:nth-of-type(4) .toggle")
        self.browser.wait("return document.querySelector('.payload') === null")

    def test_a_timeline_node_leads_to_its_events(self):
        self.detail(LOOP_RUN)
        self.browser.click(".node:nth-child(3) a")
        self.browser.wait("return document.querySelectorAll('.event-mark').length === 2", what="both events of step 2")

    def test_the_path_of_an_alert_link_opens_the_run(self):
        self.go("/runs/" + LOOP_RUN)
        self.browser.wait_text("#run-title", "Tool Loop")
        self.assertEqual(self.browser.js("return location.pathname + location.hash"), "/#/runs/" + LOOP_RUN)

    def test_paths_open_their_pages_and_no_other(self):
        for path, title, address in (("/detectors", "Detectors", "/#/detectors"), ("/runs/?agent=support", "All runs", "/#/runs?agent=support"),
                                     ("/index.html", "Overview", None), ("/nonsense", "No such page", "/#/nonsense"),
                                     ("/#/constructor", "No such page", None), ("/#/detectors/more", "No such page", None)):
            with self.subTest(path):
                self.go(path)
                self.wait_page(title)
                if address:
                    self.assertEqual(self.browser.js("return location.pathname + location.hash"), address)
        self.assertEqual(self.browser.text("#missing-address"), "/detectors/more")
        self.browser.click("#missing-home")
        self.wait_page("Overview")

    def test_a_shadow_signal_does_not_count_as_risk(self):
        self.detail("slow-1")
        self.assertEqual(self.browser.text("#run-title"), "Clean run")
        self.assertIn("Slow Step", self.browser.text("#shadow"))

    def test_hostile_texts_are_shown_as_text(self):
        self.detail(HOSTILE_RUN)
        self.assertEqual(self.browser.js("return document.getElementById('run-id').textContent"), HOSTILE_RUN)
        self.assertIn(MARKUP, self.browser.text(".run-sub"))
        self.assertIn("<b>tool</b>", self.browser.text("#why"))
        for path in ("/#/overview", "/#/runs", "/#/alerts"):
            self.go(path)
            self.browser.wait("return document.body.innerText.includes(arguments[0])", "<img src=x", what="the agent's name on " + path)
            self.assertEqual(self.browser.count("main img, main script, main b b"), 0)
            self.assertNotIn("owned", self.browser.js("return document.title"))
        self.assertEqual(self.browser.js("return [...document.querySelectorAll('#body-live-TOOL_LOOP .group-run')].some((a) => a.title === arguments[0])", HOSTILE_RUN), True)

    def test_nothing_scrolls_sideways_on_a_phone(self):
        self.browser.resize(390, 844, mobile=True)
        for path in ("/#/overview", "/#/runs", "/#/alerts", "/#/runs/" + LOOP_RUN, "/#/runs/%s?tab=events" % LOOP_RUN, "/#/runs/" + quote(HOSTILE_RUN, safe=""), "/#/runs/long-name"):
            self.go(path)
            self.browser.wait("return document.querySelector('#risk, tbody tr, .group') !== null", what="content of " + path)
            self.assert_no_sideways_scroll(path)
        self.assertIn(LONG, self.browser.text(".run-sub"))

    def test_navigation_opens_and_closes_on_a_phone(self):
        self.browser.resize(390, 844, mobile=True)
        self.go()
        self.assertFalse(self.browser.js("return document.getElementById('nav').checkVisibility()"))
        self.browser.click(".nav-toggle")
        self.browser.wait("return document.getElementById('nav').checkVisibility()")
        self.browser.click(".nav-link[href='#/alerts']")
        self.wait_page("Alerts")
        self.assertFalse(self.browser.js("return document.getElementById('nav').checkVisibility()"))

    def test_both_themes_are_readable(self):
        for theme in ("dark", "light"):
            self.browser.prefer(theme)
            for path in ("/#/overview", "/#/runs", "/#/alerts", "/#/runs/" + LOOP_RUN, "/#/runs/injected?tab=events"):
                self.go(path)
                self.browser.wait("return document.querySelector('#risk, tbody tr, .group') !== null", what="content of " + path)
                self.assertEqual(self.browser.js(CONTRAST), [], "%s %s" % (theme, path))
                self.assertEqual(self.browser.js(UNNAMED), [], path)
            dark = self.browser.js("return getComputedStyle(document.body).backgroundColor")
            self.assertEqual(dark == "rgb(10, 13, 19)", theme == "dark", dark)

    def test_the_chosen_theme_is_remembered(self):
        self.go()
        self.browser.click("#theme-toggle")
        self.browser.wait("return document.documentElement.dataset.theme === 'light'")
        self.go("/#/runs")
        self.assertEqual(self.browser.js("return document.documentElement.dataset.theme"), "light")
        self.browser.js("localStorage.clear()")

    def test_the_keyboard_reaches_everything_and_shows_where_it_is(self):
        self.go("/#/runs")
        self.wait_page("All runs")
        seen = set()
        for _ in range(14):
            self.browser.press("\ue004")
            where, outline = self.browser.js("const e = document.activeElement; return [e.id || e.innerText.trim().split('\\n')[0] || e.getAttribute('aria-label'), getComputedStyle(e).outlineStyle]")
            self.assertNotEqual(outline, "none", where)
            seen.add(where)
        self.assertTrue({"Skip to content", "Overview", "All runs", "Alerts", "theme-toggle", "filter-q", "filter-severity"} <= seen, seen)

    def test_a_run_that_does_not_exist_says_so(self):
        self.noise_expected = True  # the browser logs the 404
        self.go("/runs/no-such-run")
        self.browser.wait_text("h1", "does not exist")
        self.assertIn("no-such-run", self.browser.text(".run-error"))

    def test_names_right_to_left_do_not_turn_the_page(self):
        self.go("/#/runs")
        self.browser.wait_text("tbody", RIGHT_TO_LEFT)
        self.assertEqual(self.browser.js("return getComputedStyle(document.querySelector('tbody tr')).direction"), "ltr")


if __name__ == "__main__":
    unittest.main()
