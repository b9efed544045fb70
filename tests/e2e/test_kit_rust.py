"""`dunetrace plugin new --lang rust` for every kind: builds without warnings and crates, passes `plugin check` and its own tests,
exports one symbol. Only where there is a cargo, as the templates themselves."""
import shutil
import unittest

from kit_projects import KitTestCase


@unittest.skipUnless(shutil.which("cargo"), "there is no cargo: the Rust templates are offered only where it is")
class Rust(KitTestCase):
    def in_rust(self, kind):
        name = "sample_%s_rust" % kind
        self.assertIn("cargo build --release", self.new(kind, name, "--lang", "rust"))
        project = self.top / name
        self.assertNotIn("warning", self.run_in(project, "cargo", "build", "--release", "--offline", "--quiet"))
        library = project / ("target/release/lib%s.so" % name)
        self.assertEqual(self.exported(library), ["dune_plugin_entry_v1"])
        self.run_in(project, "cargo", "test", "--offline", "--quiet")
        self.run_in(project, "dunetrace", "plugin", "check", library)
        return project

    def test_detector_in_rust(self):
        project = self.in_rust("detector")
        self.assertIn("5 cases, 0 failed", self.run_in(project, "dunetrace", "plugin", "test", "."))

    def test_destination_and_integration_in_rust(self):
        self.in_rust("alert")
        self.in_rust("integration")


if __name__ == "__main__":
    unittest.main()
