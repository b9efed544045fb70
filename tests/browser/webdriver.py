"""A small WebDriver client for chromedriver: only what the tests of this folder need, only the standard library.

    with Browser() as browser:
        browser.open("http://127.0.0.1:3000/")
        browser.wait_text("h1", "Overview")
"""
import base64
import http.client
import json
import re
import shutil
import subprocess
import tempfile
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
MISSING = None if CHROMIUM and CHROMEDRIVER else "no chromium or no chromedriver on this machine: install the packages chromium and chromium-driver"
WAIT_S = 20
POLL_S = 0.05
DRIVER_START_S = 30

# Offline by design: no sync, no updates, no look-ups of the browser's own.
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1280,900"]


class Browser:
    def __init__(self):
        self._profile = tempfile.mkdtemp(prefix="dunetrace-browser-")
        self._driver = None
        self._session = None

    def __enter__(self):
        try:
            self._start_driver()
            options = {"binary": CHROMIUM, "args": ARGUMENTS + ["--user-data-dir=" + self._profile]}
            always = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            self._session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": always}})["sessionId"]
            return self
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            if self._session:
                self._call("DELETE", "/session/" + self._session)
        finally:
            self._end_driver()
            shutil.rmtree(self._profile, ignore_errors=True)

    def _start_driver(self):
        """With port 0 chromedriver draws a port and wants it for both IPv4 and IPv6. Where another process has one of the
        two, it ends at once with an error, and the next attempt draws another."""
        deadline = time.monotonic() + DRIVER_START_S
        while True:
            self._driver = subprocess.Popen([CHROMEDRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self._port, said = self._read_port()
            if self._port:
                return
            self._end_driver()
            if time.monotonic() > deadline:
                raise AssertionError("chromedriver did not start within %d s; the last attempt said:\n%s" % (DRIVER_START_S, said))

    def _read_port(self):
        """The port, or None and all that the driver said before it ended."""
        said = ""
        for line in self._driver.stdout:
            said += line
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return int(found.group(1)), said
        return None, said

    def _end_driver(self):
        if self._driver:
            self._driver.terminate()
            self._driver.wait(10)
            self._driver.stdout.close()
            self._driver = None

    def _call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request(method, path, json.dumps(body) if method == "POST" else None, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())["value"]
        connection.close()
        if isinstance(answer, dict) and answer.get("error"):
            raise AssertionError("%s: %s" % (answer["error"], answer.get("message", "")[:500]))
        return answer

    def _post(self, path, body):
        return self._call("POST", "/session/%s%s" % (self._session, path), body)

    def cdp(self, command, **parameters):
        return self._post("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, url):
        self._post("/url", {"url": url})

    def js(self, script, *arguments):
        """The value of a function body, for instance js('return document.title')."""
        return self._post("/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script, *arguments, what=None, timeout_s=WAIT_S):
        """The first true value of the function body; an AssertionError with the page's text otherwise."""
        deadline = time.monotonic() + timeout_s
        while True:
            value = self.js(script, *arguments)
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError("waited %d s in vain for %s\n--- page:\n%s" % (timeout_s, what or script, self.text("body")[:1500]))
            time.sleep(POLL_S)

    def wait_text(self, selector, text):
        self.wait("return [...document.querySelectorAll(arguments[0])].some((e) => e.innerText.includes(arguments[1]))", selector, text,
                  what="%r in %s" % (text, selector))

    def text(self, selector):
        return self.js("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def texts(self, selector):
        return self.js("return [...document.querySelectorAll(arguments[0])].map((e) => e.innerText.trim())", selector)

    def count(self, selector):
        return self.js("return document.querySelectorAll(arguments[0]).length", selector)

    def click(self, selector):
        element = self._post("/element", {"using": "css selector", "value": selector})
        self._post("/element/%s/click" % next(iter(element.values())), {})

    def type(self, selector, text):
        element = self._post("/element", {"using": "css selector", "value": selector})
        self._post("/element/%s/value" % next(iter(element.values())), {"text": text})

    def press(self, key):
        """One key on whatever has the focus; special keys in WebDriver's code points (Tab is \\ue004)."""
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._post("/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": keys}]})

    def resize(self, width, height, mobile=False):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def prefer(self, scheme):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._call("GET", "/session/%s/screenshot" % self._session)))

    def console_errors(self):
        """What the console complained about since the last call; violations of the security policy are among it."""
        return [entry["message"] for entry in self._post("/se/log", {"type": "browser"}) if entry["level"] in ("SEVERE", "WARNING")]
