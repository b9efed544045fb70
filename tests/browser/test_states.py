"""The page without data, its first run, and the page while the API is away."""
import http.client
import re
import subprocess
import unittest

from support import BINARY, BrowserCase, Host, loop_run, run_dunetrace

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src http://127.0.0.1:%d; " \
         "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class States(BrowserCase):
    def setUp(self):
        self.host = self.enterContext(Host(stall_timeout_secs=2))  # the demo has a run that never ends
        self.browser.resize(1280, 900)

    def fetch(self, path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.host.ports["dashboard"], timeout=10)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer, body

    def test_the_example_on_the_empty_page_works_as_it_stands(self):
        self.go()
        self.browser.wait_text("h2", "No agent has reported yet")
        command = self.browser.js("return document.querySelector('.start pre').textContent")
        self.assertIn("http://127.0.0.1:%d/v1/ingest" % self.host.ports["ingest"], command)
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=20)
        self.assertIn('"accepted"', done.stdout, done.stderr)
        self.host.wait_processed({"my-agent": 1}, timeout_s=20)
        self.browser.js("document.dispatchEvent(new Event('visibilitychange'))")
        self.browser.wait_text("#feed", "Tool Loop")

    def test_the_demo_shows_every_failure_type(self):
        code, _, errors = run_dunetrace("demo", "--ingest", "http://127.0.0.1:%d" % self.host.ports["ingest"], "--seconds", "1", data_dir=self.host.data_dir)
        self.assertEqual(code, 0, errors)
        self.go("/#/alerts")
        self.browser.wait("document.dispatchEvent(new Event('visibilitychange')); return document.querySelectorAll('.group').length === 15",
                          what="a group for each of the 15 failure types", timeout_s=30)

    def test_data_stays_while_the_api_is_away_and_comes_back(self):
        self.noise_expected = True  # the browser logs refused connections
        self.host.post(loop_run("kept", "keeper").events)
        self.host.wait_processed({"keeper": 1}, timeout_s=20)
        self.go()
        self.browser.wait_text("#feed", "keeper")
        ports = dict(self.host.ports)
        self.host.stop()
        self.browser.js("document.dispatchEvent(new Event('visibilitychange'))")
        self.browser.wait_text("#notice", "Disconnected from the API")
        self.assertEqual(self.browser.text("#live-text"), "Disconnected")
        self.assertIn("http://127.0.0.1:%d/health" % ports["api"], self.browser.text("#notice"))
        self.assertIn("keeper", self.browser.text("#feed"))
        self.host._settings.update({"DUNETRACE_%s_PORT" % role.upper(): str(port) for role, port in ports.items()})
        self.host.start()
        self.browser.click("#notice button")
        self.browser.wait("return document.getElementById('live-text').innerText === 'Live' && !document.getElementById('notice')")

    def test_a_run_whose_events_were_removed_says_so(self):
        self.host.post(loop_run("aged", "keeper").events)
        self.host.wait_processed({"keeper": 1}, timeout_s=20)
        self.host.sql_rows("DELETE FROM events WHERE run_id = 'aged'")
        self.go("/#/runs/aged")
        self.browser.wait_text("#removed", "The events of this run were removed after 30 days.")
        self.assertIn("Tool Loop", self.browser.text("#run-title"))
        self.browser.click("#tab-events")
        self.browser.wait_text("#panel-events", "The events of this run were removed after 30 days.")

    def test_headers_and_caching(self):
        answer, page = self.fetch("/")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Security-Policy"], POLICY % self.host.ports["api"])
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(answer.headers["X-Frame-Options"], "DENY")
        self.assertEqual(answer.headers["Cache-Control"], "no-cache")
        again, body = self.fetch("/", **{"If-None-Match": answer.headers["ETag"]})
        self.assertEqual((again.status, body), (304, b""))
        for path, status in (("/runs/a.b.js", 200), ("/anything/else", 200), ("/js/no-such-file.js", 404), ("/%2e%2e/%2e%2e/etc/passwd", 200)):
            with self.subTest(path):
                found, body = self.fetch(path)
                self.assertEqual(found.status, status)
                self.assertEqual(body == page, status == 200)
        self.assertEqual(self.fetch("/config.js", Host='x";alert(1)//')[0].status, 400)
        self.assertIn(b'"apiBase":"http://[::1]:%d"' % self.host.ports["api"], self.fetch("/config.js", Host="[::1]:3000")[1])


class WithoutInline(unittest.TestCase):
    def test_pages_have_no_inline_script_or_style_and_load_nothing_from_elsewhere(self):
        root = BINARY.parents[1] / "share/dunetrace/dashboard"
        if not root.exists():
            self.fail("no dashboard beside the binary, at %s" % root)
        for file in [*root.rglob("*.html"), *root.rglob("*.js"), *root.rglob("*.css")]:
            text = file.read_text()
            with self.subTest(str(file.relative_to(root))):
                for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "@import", "@font-face"):
                    self.assertNotIn(word, text)
                for line in text.splitlines():
                    if re.search(r"https?://", line):
                        self.assertRegex(line, r"www\.w3\.org|https?://(\$\{|api\.example)", line.strip())
        page = (root / "index.html").read_text()
        self.assertNotRegex(page, r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=")


if __name__ == "__main__":
    unittest.main()
