#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The checks in tools/ can fail: each is given a small tree or program with one thing wrong."""

import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"


class Case(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.temp.name)

    def tearDown(self):
        self.temp.cleanup()

    def put(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def run_tool(self, name, *args):
        done = subprocess.run([sys.executable, TOOLS / name, *map(str, args)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
                              timeout=60)
        return done.returncode, done.stdout


class Layering(Case):
    def setUp(self):
        super().setUp()
        self.put("lib/base/text.h", "")
        self.put("lib/spec/spec.h", '#include "base/text.h"\n')
        self.put("generator/emit.h", "")
        self.put("generator/emit.c", '#include "generator/emit.h"\n#include "spec/spec.h"\n')
        self.put("cli/cli.c", '#include <systemd/sd-bus.h>\n#include "base/text.h"\n')
        self.put("cli/meson.build", "dependencies: [spec_dep, libsystemd_dep] # not libarchive_dep\n")
        self.put("supervisor/once/once.h", "")

    def check(self):
        return self.run_tool("check-layering.py", self.root)

    def assert_refused(self, path, text, says):
        self.put(path, text)
        code, out = self.check()
        self.assertEqual(code, 1, out)
        self.assertIn(f"{path}:", out)
        self.assertIn(says, out)

    def test_good(self):
        code, out = self.check()
        self.assertEqual(code, 0, out)

    def test_upwards(self):
        self.assert_refused("lib/base/text.c", '#include "spec/spec.h"\n',
                            "lib/base may not use lib/spec")
        self.assertIn("lib/base/text.c:1:", self.check()[1])

    def test_between_programs(self):
        self.assert_refused("cli/show.c", '\n # include "generator/emit.h"\n',
                            "cli may not use generator")

    def test_dots(self):
        self.assert_refused("cli/show.c", '#include "../generator/emit.h"\n',
                            "cli may not use generator")

    def test_helper(self):
        self.assert_refused("supervisor/once/main.c", '#include "once.h"\n#include "base/text.h"\n',
                            "supervisor/once may not use lib/base")

    def test_helper_library(self):
        self.assert_refused("supervisor/once/main.c", "#include <systemd/sd-daemon.h>\n",
                            "links nothing but libc")

    def test_libraries(self):
        self.assert_refused("generator/a.c", "#include <jansson.h>\n", "may only be included by")
        self.assert_refused("cli/a.c", "#include <archive.h>\n", "may only be included by")
        self.assert_refused("supervisor/loop.c", "#include <curl/curl.h>\n", "may only be included by")
        self.put("supervisor/probe/http.c", "#include <curl/curl.h>\n")
        self.assertNotIn("probe/http", self.check()[1])

    def test_unknown(self):
        self.assert_refused("cli/a.c", '#include "nothing.h"\n', "no file of the tree")

    def test_meson(self):
        self.assert_refused("lib/base/meson.build", "x = [jansson_dep]\n", "may not be used in lib/base")
        self.assert_refused("supervisor/once/meson.build", "x = base_dep\n",
                            "may not be used in supervisor/once")

    def test_nothing(self):
        code, _ = self.run_tool("check-layering.py", self.root / "elsewhere")
        self.assertEqual(code, 1)


PROGRAM = r"""#!/bin/sh
case $1 in
keys) printf 'type\tword\t-\tKind.\nlogs\tobject\t-\tLogs.\nlogs.size\tstring\t10M\tSize.\n' ;;
schema) echo '{"properties": {"type": {"enum": ["docker", "vm"]}}}' ;;
check) if grep -q logs; then echo '[{"code": "not-yet"}]'; else echo '[]'; fi ;;
--help) printf 'phoenix VERB\n\nVerbs\n  check [FILE]  Check\n  show NAME  Show\n\nOptions\n'
        printf '  --user  a\n  --system  a\n  --json  a\n  --no-color  a\n  --help  a\n  --version  a\n' ;;
help) printf '  --%s-it  a\n' "$2" ;;
esac
"""

PAGE = """# KEYS

*type* (word)
	*docker* or *vm*.

*logs* (object)
	Where. Not acted on
	by this version.

*logs.size* (string; default: 10M)
	How large.
"""


class Man(Case):
    def setUp(self):
        super().setUp()
        self.program = self.put("phoenix", PROGRAM)
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    def spec(self, page):
        return self.run_tool("check-man.py", self.program, "spec", self.put("page.scd", page))

    def test_good(self):
        code, out = self.spec(PAGE)
        self.assertEqual(code, 0, out)

    def test_differences(self):
        for old, new, says in [
            ("*type* (word)", "*typ* (word)", "type: has no entry"),
            ("*type* (word)", "*typ* (word)", "typ: is no key"),
            ("(word)", "(string)", "type: is a word, not a string"),
            ("10M)", "20M)", "its default is 10M, not 20M"),
            ("; default: 10M", "", "its default is 10M, not -"),
            ("*vm*", "vm", "the word vm is not in its entry"),
            ("Not acted on\n\tby this version.", "", "does not say that it is not acted on"),
            ("*vm*.", "*vm*. Not acted on by this version.", "type: the page says"),
            ("*logs* (object)", "*{logs,type}* (object)", "type: stands there twice"),
        ]:
            with self.subTest(new=new, says=says):
                self.assertIn(old, PAGE)
                code, out = self.spec(PAGE.replace(old, new))
                self.assertEqual(code, 1)
                self.assertIn(says, out)

    def test_command(self):
        words = "check show --user --system --json --no-color --help --version --check-it --show-it"
        page = self.put("page", words)
        code, out = self.run_tool("check-man.py", self.program, "command", page)
        self.assertEqual(code, 0, out)
        for word in words.split():
            with self.subTest(word=word):
                page.write_text(words.replace(word, word + "x", 1))
                code, out = self.run_tool("check-man.py", self.program, "command", page)
                self.assertEqual(code, 1)
                self.assertIn(f"{word} is missing", out)


if __name__ == "__main__":
    unittest.main()
