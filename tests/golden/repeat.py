#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same specs give the same bytes: in whatever order the folder lists them, whenever they are
generated, and with several generators writing into one folder at the same time. While they do,
every file that a reader finds there is whole.

    repeat.py --generator PATH
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "quadlet-examples"
QUADLETS = ("/usr/libexec/podman/quadlet", "/usr/lib/podman/quadlet")
COPIES = 12  # of each example: enough that several threads and Quadlets are at work
AT_ONCE = 4


def write_specs(folder, backwards):
    """The examples under many names, created in one order or the other."""
    folder.mkdir()
    files = {}
    for path in EXAMPLES.glob("*.json"):
        spec = json.loads(path.read_text())
        if {"needs", "after"} & set(spec) or spec.get("image", "").endswith(".tar"):
            continue
        files |= {f"{path.stem}-{i}.json": json.dumps(spec) for i in range(COPIES)}
    files["broken.json"] = "{"
    for name in sorted(files, reverse=backwards):
        (folder / name).write_text(files[name])


def start(generator, specs, output):
    quadlet = os.environ.get("PHOENIX_TEST_QUADLET") or next(
        (p for p in QUADLETS if os.access(p, os.X_OK)), str(HERE / "stand-in-quadlet"))
    env = os.environ | {"PHOENIX_SPEC_PATH": str(specs), "PHOENIX_QUADLET": quadlet}
    return subprocess.Popen([generator, "--system", output], env=env, stderr=subprocess.DEVNULL)


def finish(*runs):
    if any([run.wait() for run in runs]):
        sys.exit("a generator failed")


def read_tree(output, specs):
    tree = {}
    for path in sorted(output.rglob("*")):
        if path.is_symlink():
            tree[str(path.relative_to(output))] = os.readlink(path)
        elif path.is_file():
            text = path.read_text(encoding="utf-8")
            tree[str(path.relative_to(output))] = (
                text.replace(str(specs), "SPECS").replace(str(output), "UNITS"))
    return tree


def compare(what, expected, got):
    names = sorted(name for name in set(expected) | set(got)
                   if expected.get(name) != got.get(name))
    print(f"{what}: {len(expected)} files, {len(names)} differ")
    for name in names[:10]:
        print(f"  {name}")
    return not names


def half_files(output, specs, expected):
    """Names of files that are there but are not what they are to be."""
    half = []
    for path in output.rglob("*"):
        if path.name.startswith(".") or path.is_symlink() or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        text = text.replace(str(specs), "SPECS").replace(str(output), "UNITS")
        if text != expected[str(path.relative_to(output))]:
            half.append(path.name)
    return half


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generator", required=True, type=pathlib.Path)
    generator = parser.parse_args().generator.resolve()
    with tempfile.TemporaryDirectory(prefix="phoenix-repeat-") as work:
        work = pathlib.Path(work)
        forth, back = work / "forth", work / "back"
        write_specs(forth, False)
        write_specs(back, True)
        outputs = [work / name for name in ("one", "two", "three", "together")]
        finish(start(generator, forth, outputs[0]))
        finish(start(generator, forth, outputs[1]))
        finish(start(generator, back, outputs[2]))
        expected = read_tree(outputs[0], forth)
        good = compare("again", expected, read_tree(outputs[1], forth))
        good &= compare("created backwards", expected, read_tree(outputs[2], back))
        runs = [start(generator, forth, outputs[3]) for _ in range(AT_ONCE)]
        half, looks = set(), 0
        while any(run.poll() is None for run in runs):
            half |= set(half_files(outputs[3], forth, expected))
            looks += 1
        finish(*runs)
        print(f"while {AT_ONCE} ran at once: looked {looks} times, {len(half)} half files seen")
        good &= compare(f"{AT_ONCE} at once", expected, read_tree(outputs[3], forth)) and not half
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
