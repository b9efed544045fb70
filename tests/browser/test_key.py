"""Outside dev mode: the page asks for a key, keeps it, and shows the customer's data."""
import re
import socket
import unittest

from support import BrowserCase, Host, run_dunetrace


def free_port():
    """The origin of the page must be known before the host starts, so port 0 is not enough here."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Key(BrowserCase):
    noise_expected = True  # the browser logs the 401

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        port = free_port()
        cls.host = cls.enterClassContext(Host(env={"AUTH_MODE": "prod", "DUNETRACE_DASHBOARD_PORT": str(port),
                                                   "CORS_ORIGINS": "http://127.0.0.1:%d" % port}))
        url = "postgresql:///dunetrace?host=%s&user=dunetrace" % (cls.host.data_dir / "run")
        code, out, errors = run_dunetrace("keys", "create", "--customer", "acme", data_dir=cls.host.data_dir, env={"DATABASE_URL": url})
        assert code == 0, errors
        cls.key = re.search(r"dt_live_\w+", out).group()

    def test_a_key_is_asked_for_and_remembered(self):
        self.browser.open("http://127.0.0.1:%d/" % self.host.ports["dashboard"])
        self.browser.wait_text("#notice", "The API asks for a key")
        self.assertEqual(self.browser.text("#live-text"), "Key needed")
        self.browser.type("#api-key", "dt_live_wrong")
        self.browser.click("#notice .button-strong")
        self.browser.wait_text("#notice", "unknown")
        self.browser.js("document.getElementById('api-key').value = ''")
        self.browser.type("#api-key", self.key)
        self.browser.press("\ue007")  # Enter
        self.browser.wait_text("h2", "No agent has reported yet")
        self.assertNotIn(self.key, self.browser.js("return location.href"))
        self.browser.open("about:blank")
        self.go()
        self.assertEqual(self.browser.count("#notice"), 0)


if __name__ == "__main__":
    unittest.main()
