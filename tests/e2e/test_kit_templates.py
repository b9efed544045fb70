"""`dunetrace plugin new` for every kind in C++ and C: what it writes builds without warnings against an installed SDK, passes
`plugin check` and its own tests, exports one symbol, and does all that with CMake as well as with make; and what it refuses."""
import os
import unittest

from kit_projects import BUILD, KitTestCase

KINDS = [(kind, lang) for kind in ("detector", "alert", "integration") for lang in ("cpp", "c")]


class Templates(KitTestCase):
    def test_the_sdk_is_named_where_it_is(self):
        self.assertIn("-DCMAKE_PREFIX_PATH=%s\n" % self.prefix, self.new("detector", "beside_the_sdk"))
        said = self.run_in(self.top, BUILD / "bin/dunetrace", "plugin", "new", "detector", "from_a_build")
        self.assertIn('-DCMAKE_PREFIX_PATH="<where the SDK is installed>"\n', said)

    def test_component_sdk_is_enough_to_build(self):
        alone = self.top / "sdk-alone"
        self.run_in(self.top, "cmake", "--install", BUILD, "--prefix", alone, "--component", "sdk")
        self.assertFalse((alone / "bin").exists())
        self.new("detector", "lonely", "--dir", "lonely")
        project = self.top / "lonely"
        self.run_in(project, "cmake", "-S", ".", "-B", "build", "-DCMAKE_PREFIX_PATH=%s" % alone)
        self.run_in(project, "cmake", "--build", "build")
        self.assertEqual(self.exported(project / "build/lonely.so"), ["dune_plugin_entry_v1"])

    def test_a_newer_major_is_asked_for_in_vain(self):
        project = self.top / "future"
        project.mkdir()
        (project / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.17)\nproject(future LANGUAGES C)\n"
                                                "find_package(dunetrace-sdk 2.0 REQUIRED)\n")
        out = self.run_in(project, "cmake", "-S", ".", "-B", "build", "-DCMAKE_PREFIX_PATH=%s" % self.prefix, expect=1)
        self.assertIn("1.0.0", out)

    def test_names_and_places_are_checked(self):
        for name in ("", "Loop", "9lives", "a-b", "a__b", "a_", "_a", "class", "default", "x" * 49, "../x"):
            with self.subTest(name):
                self.assertIn("NAME", self.new("detector", "--dir", "never", "--", name, expect=2))
        self.new("detector", "a_b", "--lang", "cobol", expect=2)
        self.new("dashboard", "a_b", expect=2)
        self.assertIn("--vendor", self.new("detector", "a_b", "--vendor", 'x"y', expect=2))
        self.assertFalse((self.top / "never").exists())

    def test_nothing_is_overwritten(self):
        taken = self.top / "taken"
        taken.mkdir()
        (taken / "mine.txt").write_text("mine")
        self.assertIn("nothing is overwritten", self.new("detector", "taken", expect=2))
        self.assertEqual([file.name for file in taken.iterdir()], ["mine.txt"])
        (self.top / "link").symlink_to(self.top / "nowhere")
        self.assertIn("nothing is overwritten", self.new("detector", "link", expect=2))

    def test_says_when_the_host_has_such_a_plugin(self):
        self.assertIn("two of one id", self.new("detector", "tool_loop", expect=2))

    def test_license_and_vendor(self):
        self.new("detector", "ours", "--license", "MIT", "--vendor", "Ours & Co")
        self.assertIn("Ours & Co", (self.top / "ours/LICENSE").read_text())
        self.assertIn('*license = "MIT"', (self.top / "ours/ours.hpp").read_text())
        left = [str(file) for file in (self.top / "ours").rglob("*") if file.is_file() and "{{" in file.read_text()]
        self.assertEqual(left, [])

    def test_rust_needs_cargo(self):
        path, os.environ["PATH"] = os.environ["PATH"], "/nowhere"
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        self.assertIn("no cargo in PATH", self.new("detector", "rusty", "--lang", "rust", expect=2))
        self.assertFalse((self.top / "rusty").exists())


def template_test(kind, lang):
    def test(self):
        name = "sample_%s_%s" % (kind, lang)
        self.new(kind, name, "--lang", lang)
        project = self.top / name
        self.run_in(project, "cmake", "-S", ".", "-B", "build", "-DCMAKE_PREFIX_PATH=%s" % self.prefix)
        self.run_in(project, "cmake", "--build", "build")
        self.assertIn("100% tests passed", self.run_in(project, "ctest", "--test-dir", "build", "--output-on-failure"))
        library = project / "build" / (name + ".so")
        self.assertEqual(self.exported(library), ["dune_plugin_entry_v1"])
        self.run_in(project, "dunetrace", "plugin", "check", library)
        if kind == "detector":
            self.assertIn("5 cases, 0 failed", self.run_in(project, "dunetrace", "plugin", "test", "."))
            found = self.run_in(project, "dunetrace", "plugin", "run", library, "--run", "fixtures/run.json", "--explain")
            self.assertIn("70,000 tokens in one run", found)
        self.run_in(project, "make", "clean")
        self.run_in(project, "make", "test")
        self.assertEqual(self.exported(library), ["dune_plugin_entry_v1"])
    return test


for _kind, _lang in KINDS:
    setattr(Templates, "test_%s_in_%s" % (_kind, _lang), template_test(_kind, _lang))


if __name__ == "__main__":
    unittest.main()
