"""What is wrong at the start is said in one clear line on stderr, with exit code 2; every subcommand explains itself."""
import os
import pathlib
import shutil
import socket
import time
import unittest

from harness import BINARY, REPOSITORY, Host, make_data_dir, run_dunetrace
from managed_database import ManagedDatabase

SUBCOMMANDS = (("up",), ("serve",), ("migrate",), ("keys",), ("keys", "create"), ("keys", "list"), ("keys", "revoke"),
               ("plugins",), ("plugins", "list"), ("plugins", "lock"), ("plugins", "verify"), ("detectors",), ("detectors", "check"), ("demo",))


class WrongStart(unittest.TestCase):
    def setUp(self):
        self.data_dir = make_data_dir()
        self.addCleanup(shutil.rmtree, self.data_dir, ignore_errors=True)

    def write(self, name, text):
        path = pathlib.Path(self.data_dir, name)
        path.write_text(text)
        return str(path)

    def assert_refused(self, *arguments, says, env=None):
        """Exit code 2 and exactly one line on stderr with every text of `says` in it."""
        code, _, errors = run_dunetrace(*arguments, data_dir=self.data_dir, env=env)
        lines = errors.strip().splitlines()
        self.assertEqual((code, len(lines)), (2, 1), "exit code %d, stderr:\n%s" % (code, errors))
        for text in says:
            self.assertIn(text, lines[0])

    def test_unknown_parameter_names_file_line_and_the_nearest(self):
        config = self.write("mine.yml", "default:\n  tool_loop:\n    treshold: 4\n")
        for arguments in (("up",), ("detectors", "check", config)):
            self.assert_refused(*arguments, says=("mine.yml", "3", "treshold", "threshold"), env={"DETECTOR_CONFIG": config})

    def test_unknown_detector(self):
        config = self.write("mine.yml", "default:\n  tool_lop: { threshold: 4 }\n")
        self.assert_refused("up", says=("mine.yml", "2", "tool_lop", "tool_loop"), env={"DETECTOR_CONFIG": config})

    def test_wrong_value(self):
        config = self.write("mine.yml", "default:\n  tool_loop: { threshold: many }\n")
        self.assert_refused("up", says=("mine.yml", "threshold", "many"), env={"DETECTOR_CONFIG": config})

    def test_not_yaml(self):
        config = self.write("mine.yml", "default: [\n")
        self.assert_refused("up", says=("mine.yml",), env={"DETECTOR_CONFIG": config})

    def test_named_configuration_that_does_not_exist(self):
        self.assert_refused("up", says=("/nowhere/mine.yml",), env={"DETECTOR_CONFIG": "/nowhere/mine.yml"})

    def test_missing_plugin_directory(self):
        self.assert_refused("up", says=("/nonexistent",), env={"DUNETRACE_PLUGIN_DIR": "/nonexistent"})

    def test_plugin_directory_without_plugins(self):
        os.mkdir(os.path.join(self.data_dir, "empty"))
        self.assert_refused("up", says=("/empty",), env={"DUNETRACE_PLUGIN_DIR": os.path.join(self.data_dir, "empty")})

    def test_configured_detector_whose_plugin_is_missing(self):
        plugins = pathlib.Path(self.data_dir, "plugins")
        shutil.copytree(BINARY.parents[1] / "lib/dunetrace/plugins", plugins)
        (plugins / "tool_loop.so").unlink()
        config = self.write("mine.yml", "default:\n  tool_loop: { threshold: 4 }\n")
        env = {"DUNETRACE_PLUGIN_DIR": str(plugins), "DETECTOR_CONFIG": config}
        self.assert_refused("up", says=("tool_loop.so", "no such file", "plugins.lock"), env=env)
        code, _, errors = run_dunetrace("plugins", "lock", "--own", str(plugins), data_dir=self.data_dir)
        self.assertEqual(code, 0, errors)
        self.assert_refused("up", says=("mine.yml", "2", "tool_loop"), env=env)

    def test_plugin_that_is_no_library(self):
        plugins = pathlib.Path(self.data_dir, "plugins")
        shutil.copytree(BINARY.parents[1] / "lib/dunetrace/plugins", plugins)
        (plugins / "broken.so").write_text("not a library")
        code, _, errors = run_dunetrace("plugins", "lock", "--own", str(plugins), data_dir=self.data_dir)
        self.assertEqual(code, 2, errors)
        self.assertIn("broken.so: is no ELF library", errors)
        listed = plugins / "plugins.lock"
        listed.write_text(listed.read_text().replace('"tool_loop.so"', '"broken.so"'))
        self.assert_refused("up", says=("broken.so", "sha256", "dunetrace plugins lock"), env={"DUNETRACE_PLUGIN_DIR": str(plugins)})

    def test_busy_port(self):
        for name in ("INGEST", "API", "DASHBOARD"):
            with self.subTest(name), socket.create_server(("127.0.0.1", 0)) as taken:
                port = str(taken.getsockname()[1])
                self.assert_refused("up", says=(port,), env={"DUNETRACE_%s_PORT" % name: port})

    def test_port_that_is_no_number(self):
        self.assert_refused("up", says=("DUNETRACE_API_PORT", "80x"), env={"DUNETRACE_API_PORT": "80x"})

    def test_serve_without_a_database(self):
        self.assert_refused("serve", "--roles", "ingest", says=("DATABASE_URL",))

    def test_login_or_database_the_server_does_not_have(self):
        with Host() as host:
            database = ManagedDatabase(host.data_dir)
            where = "host=%s port=%s" % (database.socket_dir, database.port)
            # The server trusts whoever reaches its socket, so a wrong name stands for a wrong password: both are class 28.
            for settings, name, state in ((where + " user=nobody_here dbname=dunetrace", "nobody_here", "28000"),
                                          (where + " user=dunetrace dbname=no_such_database", "no_such_database", "3D000")):
                for arguments in (("serve", "--roles", "ingest"), ("up",), ("migrate",), ("keys", "list")):
                    with self.subTest(arguments=arguments, name=name):
                        begin = time.monotonic()
                        code, _, errors = run_dunetrace(*arguments, data_dir=self.data_dir, env={"DATABASE_URL": settings, "LOG_LEVEL": "ERROR"})
                        self.assertEqual((code, len(errors.strip().splitlines())), (2, 1), errors)
                        self.assertIn(name, errors)
                        self.assertIn(state, errors)
                        self.assertNotIn("LOCATION", errors)
                        self.assertLess(time.monotonic() - begin, 15, "it does not wait for what will not come")

    def test_unknown_subcommand_and_role_and_option(self):
        self.assert_refused("upp", says=("upp",))
        self.assert_refused("serve", "--roles", "ingest,detekt", says=("detekt",), env={"DATABASE_URL": "postgresql:///none"})
        self.assert_refused("up", "--demmo", says=("--demmo",))

    def test_database_of_a_newer_version(self):
        newer = len(list((REPOSITORY / "migrations").glob("[0-9]*.sql"))) + 1
        with Host(data_dir=self.data_dir) as host:
            columns = [row[0] for row in host.sql_rows(
                "SELECT column_name FROM information_schema.columns WHERE table_name = 'schema_migrations' ORDER BY ordinal_position")]
            last = "SELECT * FROM schema_migrations ORDER BY 1 DESC LIMIT 1"
            host.sql_rows("CREATE TEMP TABLE newer AS %s; UPDATE newer SET %s = %d; %s INSERT INTO schema_migrations SELECT * FROM newer" % (
                last, columns[0], newer, "UPDATE newer SET name = '%04d_newer.sql';" % newer if "name" in columns else ""))
        self.assert_refused("up", says=(str(newer),))


class Help(unittest.TestCase):
    def test_every_subcommand_explains_itself(self):
        data_dir = make_data_dir()
        self.addCleanup(shutil.rmtree, data_dir, ignore_errors=True)
        for arguments in ((),) + SUBCOMMANDS:
            with self.subTest(arguments):
                code, out, errors = run_dunetrace(*arguments, "--help", data_dir=data_dir)
                self.assertEqual((code, errors), (0, ""))
                self.assertGreater(len(out.splitlines()), 2)
        code, out, _ = run_dunetrace("--help", data_dir=data_dir)
        for name in {arguments[0] for arguments in SUBCOMMANDS}:
            self.assertIn(name, out)


if __name__ == "__main__":
    unittest.main()
