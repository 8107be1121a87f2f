#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden tests of phoenix-generator: folders of specs and the units they must become.

A case is a folder NN-name with input/ (specs), expected/{system,user}/ (what is generated) and,
if wanted, env (KEY=VALUE lines for the generator) and log (what it must say, in the system's
scope). The specs lie in /etc/phoenix.d for the units: the real, temporary path is replaced. A
folder NAME.tar.in in input/ is packed into NAME.tar before.

The list of files is compared first, links with their targets included, then what is in them. Then
everything is generated once more for the systemd of this machine and put to systemd-analyze
verify. What only a real Quadlet of Podman 5.4 can make is compared where there is one; elsewhere a
stand-in is used, and what it makes is left out of the comparison.
"""

import argparse
import contextlib
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "quadlet-examples"
SCOPES = ("system", "user")
SPEC_FOLDER = "/etc/phoenix.d"
LIBEXEC = "/usr/libexec/phoenix"
UNIT_FOLDER = "/run/systemd/generator"
QUADLETS = ("/usr/libexec/podman/quadlet", "/usr/lib/podman/quadlet")
# The machine that the expected units are made for.
MACHINE = {
    "PHOENIX_SYSTEMD_VERSION": "257",
    "PHOENIX_QUADLET_VERSION": "5.4",
    "PHOENIX_CATATONIT": "yes",
    "PHOENIX_LIBEXEC": LIBEXEC,
    "PHOENIX_MACHINE_ID": "0123456789abcdef0123456789abcdef",
    "PHOENIX_UID": "1000",
}
SKIPPED = 77


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="write what is expected anew")
    parser.add_argument("--generator", required=True, type=pathlib.Path)
    parser.add_argument("--part", choices=("compare", "verify"), default="compare")
    parser.add_argument("cases", nargs="*", help="names of cases (default: all)")
    return parser.parse_args()


def all_cases():
    cases = {"examples": EXAMPLES}
    for folder in sorted(HERE.glob("[0-9][0-9]-*")):
        cases[folder.name] = folder
    return cases


class Quadlet:
    """The Quadlet that tests run with: the machine's when it is of the right version."""

    def __init__(self):
        path = os.environ.get("PHOENIX_TEST_QUADLET") or next(
            (p for p in QUADLETS if os.access(p, os.X_OK)), None)
        self.real = bool(path) and self.version(path).startswith("5.4.")
        self.path = path if self.real else str(HERE / "stand-in-quadlet")

    @staticmethod
    def version(path):
        return subprocess.run([path, "--version"], capture_output=True, text=True,
                              check=False).stdout.strip()


def read_env(folder):
    with contextlib.suppress(FileNotFoundError):
        lines = (folder / "env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {}


def pack(folder):
    """Packs NAME.tar.in into NAME.tar, always the same bytes."""
    target = folder.with_suffix("")
    with tarfile.open(target, "w") as tar:
        for path in sorted(folder.rglob("*")):
            info = tarfile.TarInfo(str(path.relative_to(folder)))
            info.size = path.stat().st_size if path.is_file() else 0
            info.type = tarfile.REGTYPE if path.is_file() else tarfile.DIRTYPE
            info.mode = 0o644 if path.is_file() else 0o755
            with path.open("rb") if path.is_file() else contextlib.nullcontext() as data:
                tar.addfile(info, data)
    shutil.rmtree(folder)


def lay_out_input(case, target):
    """The case's specs, with paths below SPEC_FOLDER led to where they are now."""
    source = case / "input" if (case / "input").is_dir() else case
    target.mkdir()
    for path in sorted(source.iterdir()):
        if path.name.endswith(".tar.in"):
            shutil.copytree(path, target / path.name)
            pack(target / path.name)
        elif path.is_symlink():
            (target / path.name).symlink_to(os.readlink(path))
        elif path.suffix == ".json":
            data = path.read_bytes().replace(SPEC_FOLDER.encode(), str(target).encode())
            (target / path.name).write_bytes(data)


def generate(generator, scope, specs, output, env, quadlet):
    """Runs the generator; returns what it said."""
    full = {k: v for k, v in os.environ.items() if not k.startswith("PHOENIX_")}
    full.update(PHOENIX_QUADLET=quadlet.path, PHOENIX_SPEC_PATH=str(specs), SYSTEMD_LOG_LEVEL="")
    full.update(env)
    result = subprocess.run([generator, f"--{scope}", output], env=full, capture_output=True,
                            text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"{generator} failed with status {result.returncode}: {result.stderr}")
    return result.stderr


def without_machine(text):
    """Whether a program is installed here is not what these tests are about."""
    return re.sub(r"^.*: image: .* cannot be executed now: .*\n", "", text, flags=re.MULTILINE)


def read_tree(root, replacements=()):
    """{relative path: contents or "-> target"}, without empty folders."""
    tree = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            tree[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            text = path.read_text(encoding="utf-8")
            for old, new in replacements:
                text = text.replace(old, new)
            tree[name] = without_machine(text)
    return tree


def write_tree(root, tree):
    shutil.rmtree(root, ignore_errors=True)
    for name, contents in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if contents.startswith("-> "):
            path.symlink_to(contents[3:])
        else:
            path.write_text(contents, encoding="utf-8")


def made_by_quadlet(tree):
    """Names of the services that Quadlet made, by the files that it made them of."""
    names = set()
    for name in tree:
        stem, kind = os.path.splitext(os.path.basename(name))
        if name.startswith("phoenix/") and kind == ".container":
            names.add(stem + ".service")
        elif name.startswith("phoenix/") and kind == ".image":
            names.add(stem + "-image.service")
    return names


def difference(expected, got, left_out):
    """Lines that say how the trees differ; none when they do not."""
    lines = [f"missing: {name}" for name in sorted(set(expected) - set(got))]
    lines += [f"unexpected: {name}" for name in sorted(set(got) - set(expected))]
    for name in sorted(set(got) & set(expected) - left_out):
        lines += difflib.unified_diff(expected[name].splitlines(), got[name].splitlines(),
                                      f"expected/{name}", f"generated/{name}", lineterm="")
    return lines


def compare_scope(case, scope, arguments, quadlet, scratch):
    specs, output = scratch / f"specs-{scope}", scratch / f"output-{scope}"
    lay_out_input(case, specs)
    said = generate(arguments.generator, scope, specs, output, MACHINE | read_env(case), quadlet)
    replacements = ((str(specs), SPEC_FOLDER), (str(output), UNIT_FOLDER),
                    (quadlet.path, QUADLETS[0]))
    got = read_tree(output, replacements)
    for old, new in replacements:
        said = said.replace(old, new)
    said = without_machine(said)
    home = case / "expected" / scope
    if arguments.update:
        if not quadlet.real and made_by_quadlet(got):
            raise SystemExit("--update needs Quadlet 5.4; name one with PHOENIX_TEST_QUADLET")
        write_tree(home, got)
        if scope == "system" and (case / "log").exists():
            (case / "log").write_text(said, encoding="utf-8")
        return []
    expected = read_tree(home)
    left_out = set() if quadlet.real else made_by_quadlet(expected)
    lines = difference(expected, got, left_out)
    if scope == "system" and (case / "log").exists():
        wanted = (case / "log").read_text(encoding="utf-8")
        lines += difflib.unified_diff(wanted.splitlines(), said.splitlines(), "log", "said",
                                      lineterm="")
    return lines


EXEC_LINE = re.compile(r'^(Exec\w+=[-@:+!|]*)("(?:[^"\\]|\\.)*"|\S+)(.*)$')


def make_runnable(text):
    """Programs that this machine lacks become /bin/true, so that verify looks at all the rest."""
    lines = []
    for line in text.splitlines():
        match = EXEC_LINE.match(line)
        if match:
            program = match[2].strip('"').replace("%%", "%")
            if not shutil.which(program):
                line = f"{match[1]}/bin/true{match[3]}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def verify_scope(case, scope, arguments, quadlet, scratch):
    """Generates for this machine's systemd and verifies. Returns the complaints."""
    specs, output = scratch / f"specs-{scope}", scratch / f"output-{scope}"
    lay_out_input(case, specs)
    env = {k: v for k, v in MACHINE.items() if k != "PHOENIX_SYSTEMD_VERSION"}
    env.update(read_env(case))
    env.pop("PHOENIX_SYSTEMD_VERSION", None)
    generate(arguments.generator, scope, specs, output, env, quadlet)
    tree = read_tree(output)
    shutil.rmtree(output)
    units = {name: text if text.startswith("-> ") else make_runnable(text)
             for name, text in tree.items() if not name.startswith("phoenix/")}
    write_tree(output, units)
    files = [str(output / name) for name in units if "/" not in name]
    if not files:
        return []
    result = subprocess.run(
        ["systemd-analyze", f"--{scope}", "verify", "--man=no", "--recursive-errors=no", *files],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{output}:", "SYSTEMD_LOG_LEVEL": "notice",
                          "XDG_RUNTIME_DIR": str(scratch)},
        capture_output=True, text=True, check=False)
    lines = (result.stdout + result.stderr).splitlines()
    lines = [line.replace(str(output) + "/", "") for line in lines if line]
    if result.returncode != 0:
        lines.append(f"systemd-analyze verify ended with status {result.returncode}")
    return lines


def main():
    arguments = parse_arguments()
    arguments.generator = arguments.generator.resolve()
    quadlet = Quadlet()
    part = {"compare": compare_scope, "verify": verify_scope}[arguments.part]
    if arguments.part == "verify" and not shutil.which("systemd-analyze"):
        print("skipped: no systemd-analyze here")
        return SKIPPED
    cases = all_cases()
    failed = 0
    for name in arguments.cases or cases:
        for scope in SCOPES:
            with tempfile.TemporaryDirectory(prefix="phoenix-golden-") as scratch:
                lines = part(cases[name], scope, arguments, quadlet, pathlib.Path(scratch))
            print(f"{'FAIL' if lines else 'ok':4} {name} ({scope})")
            for line in lines:
                print(f"     {line}")
            failed += bool(lines)
    if not quadlet.real:
        print("note: no Quadlet of Podman 5.4 here; the services it makes were not compared")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
