#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Good specs among many broken ones: nothing that one file holds may cost another file its unit.

100 good specs and N made from good ones by seeded mutation lie in one folder. The generator must
end well and in time; every good spec has exactly the units it has without the others; every other
file has a unit, be it a stub that says what is wrong or, when the mutation does no harm, a real
one.

    mutate.py --generator PATH [--count N] [--seed S]
"""

import argparse
import copy
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "quadlet-examples"
GOOD = 100
VERIFIED = 200  # of the units made from mutated specs, a sample goes through systemd-analyze
QUADLETS = ("/usr/libexec/podman/quadlet", "/usr/lib/podman/quadlet")

ODD_VALUES = [
    None, True, False, 0, -1, 1.5, 2**63, -2**63, 10**30, "", " ", "x" * 5000, "%", "$", ";", "\n",
    "a\u0000b", "a\u0001b", "ü" * 300, "🔥", "../../etc/passwd", "/", "//", "/dev/zero", "-", "--",
    "5 parsecs", "10s", "infinity", "100%", "1e400", "[", "{}", [], {}, [[]], [None], [{}],
    {"a": {"b": {"c": []}}}, ["a"] * 400, "web", "always", "strict", "system", "user", "docker",
    "binary", "vm", "* * * * *", "61 * * * *", "Mon..Fri 09:00", "\\", "\"", "'",
]
ODD_KEYS = ["", "x-mine", "helthcheck", "Type", "type ", "\u0000", "ü", "name", "machine", "scope",
            "needs", "unit", "hooks", "restart", "a" * 300]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generator", required=True, type=pathlib.Path)
    parser.add_argument("--count", type=int,
                        default=int(os.environ.get("PHOENIX_MUTATIONS", "10000")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("PHOENIX_SEED", "1")))
    parser.add_argument("--keep", type=pathlib.Path, help="work here and leave all behind")
    return parser.parse_args()


def originals():
    """The examples that stand on their own, are for every machine, and become units."""
    specs = [json.loads(path.read_text()) for path in sorted(EXAMPLES.glob("*.json"))]
    return [spec for spec in specs
            if not {"needs", "after", "machine", "scope"} & set(spec)
            and spec["type"] not in ("policy", "collector") and not spec["image"].endswith(".tar")]


def places(value, path=()):
    """All paths of a JSON value, the root's excluded."""
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    else:
        return
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def parent_of(value, path):
    for key in path[:-1]:
        value = value[key]
    return value


def mutate_value(rng, spec):
    path = rng.choice(list(places(spec)))
    parent, key = parent_of(spec, path), path[-1]
    action = rng.randrange(4)
    if action == 0:
        del parent[key]
    elif action == 1:
        parent[key] = copy.deepcopy(rng.choice(ODD_VALUES))
    elif action == 2:
        other = rng.choice(list(places(spec)))
        parent[key] = copy.deepcopy(parent_of(spec, other)[other[-1]])
    else:
        target = parent if isinstance(parent, dict) else spec
        target[rng.choice(ODD_KEYS)] = copy.deepcopy(rng.choice(ODD_VALUES))
    return spec


def mutate_bytes(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
        position = rng.randrange(len(data) + 1)
        action = rng.randrange(5)
        if action == 0:
            del data[position:position + rng.choice((1, 1, 4, 40))]
        elif action == 1:
            data[position:position] = bytes(rng.randrange(256) for _ in range(rng.choice((1, 3))))
        elif action == 2 and position < len(data):
            data[position] ^= 1 << rng.randrange(8)
        elif action == 3:
            data[position:position] = data[position // 2:position]
        else:
            data[position:position] = rng.choice((b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\",
                                                  b"\x00", b"\xff", b"//", b"[" * 3000))
    return bytes(data[:200000])


def mutate(rng, spec):
    """The bytes of a spec that was good."""
    spec = copy.deepcopy(spec)
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        if spec:
            mutate_value(rng, spec)
    data = json.dumps(spec, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 2))).encode()
    return mutate_bytes(rng, data) if rng.random() < 0.5 else data


def write_good(folder):
    specs = originals()
    for i in range(GOOD):
        (folder / f"good{i:03}.json").write_text(json.dumps(specs[i % len(specs)]))


def write_mutated(folder, rng, count):
    specs = originals()
    for i in range(count):
        (folder / f"odd{i:05}.json").write_bytes(mutate(rng, rng.choice(specs)))


def generate(generator, scope, specs, output):
    quadlet = os.environ.get("PHOENIX_TEST_QUADLET") or next(
        (p for p in QUADLETS if os.access(p, os.X_OK)), str(HERE / "stand-in-quadlet"))
    env = os.environ | {"PHOENIX_SPEC_PATH": str(specs), "PHOENIX_QUADLET": quadlet,
                        "PHOENIX_CATATONIT": "yes"}
    start = time.monotonic()
    result = subprocess.run([generator, f"--{scope}", output], env=env, capture_output=True,
                            text=True, errors="replace", check=False, timeout=600)
    if result.returncode != 0:
        sys.exit(f"the generator ended with {result.returncode}: {result.stderr[-4000:]}")
    return time.monotonic() - start


def read_units(output):
    """{name: text} of units and links, and of the plans."""
    units = {}
    for path in output.rglob("*"):
        if path.is_symlink():
            units[str(path.relative_to(output))] = f"-> {os.readlink(path)}"
        elif path.is_file():
            units[str(path.relative_to(output))] = path.read_text(encoding="utf-8")
    return units


def of_good(units, folder, output):
    """What belongs to good specs, the folders' own names left out."""
    return {name: text.replace(str(folder), "SPECS").replace(str(output), "UNITS")
            for name, text in units.items() if re.search(r"\bgood\d{3}\b", name)}


def claimed(units):
    """Good specs whose port a mutated one, which is good itself, listens on, too: both are told."""
    return {name for text in units.values() if 'is also what "odd' in text.replace("\\", "")
            for name in re.findall(r"^Description=(good\d{3}) ", text, re.MULTILINE)}


HEADER = re.compile(r"^# Generated by phoenix-generator from (\S+)$", re.MULTILINE)
STUB = re.compile(r'^ExecStart=\S*phoenix-stub -- "[^"]{10}', re.MULTILINE)


def may_have_no_unit(path):
    """A mutation can make a spec one for elsewhere, or mask it."""
    data = path.read_bytes()
    return not data or re.search(rb'"(machine|scope)"', data) or b"\\u" in data


def check_mutated(specs, units):
    """Returns complaints, and how many became stubs and units."""
    explained, complaints, stubs = set(), [], 0
    for name, text in units.items():
        match = HEADER.search(text) if name.endswith(".service") else None
        if not match:
            continue
        explained.add(match[1])
        if "\nState=stub\n" in text:
            stubs += 1
            if not STUB.search(text):
                complaints.append(f"{name}: a stub without a message")
        elif "\nState=generated\n" not in text:
            complaints.append(f"{name}: neither a stub nor generated")
    odd = sorted(specs.glob("odd*.json"))
    missing = [path.name for path in odd
               if str(path) not in explained and not may_have_no_unit(path)]
    complaints += [f"{name}: has no unit" for name in missing]
    return complaints, stubs, len(explained) - stubs


def check_verify(scope, output, units, rng):
    """All good services and a sample of the rest, as far as they do not depend on the user's own
    settings: systemd must take each line that we wrote."""
    if not shutil.which("systemd-analyze"):
        print("note: no systemd-analyze here")
        return []
    names = sorted(n for n in units if n.endswith(".service") and "/" not in n)
    others = [n for n in names if "good" not in n]
    chosen = [n for n in names if "good" in n]
    chosen += rng.sample(others, min(VERIFIED, len(others)))
    for name in names:
        text = re.sub(r"^(Exec\w+=[-@:+!]*)(/\S+|podman|\"/[^\"]*\")", r"\1/bin/true",
                      units[name], flags=re.MULTILINE)
        (output / name).write_text(text, encoding="utf-8")
    result = subprocess.run(
        ["systemd-analyze", f"--{scope}", "verify", "--man=no", "--recursive-errors=no",
         *[str(output / name) for name in chosen]],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{output}:", "XDG_RUNTIME_DIR": str(output)},
        capture_output=True, text=True, check=False)
    return [line for line in (result.stdout + result.stderr).splitlines()
            if "good" in line or "bad unit file" in line or "Invalid UTF-8" in line]


def run(arguments, work):
    rng = random.Random(arguments.seed)
    alone, mixed = work / "alone", work / "mixed"
    for folder in (alone, mixed):
        folder.mkdir(parents=True)
        write_good(folder)
    write_mutated(mixed, rng, arguments.count)
    complaints = []
    for scope in ("system", "user"):
        outputs = [work / f"units-{scope}-{name}" for name in ("alone", "mixed")]
        generate(arguments.generator, scope, alone, outputs[0])
        seconds = generate(arguments.generator, scope, mixed, outputs[1])
        before, units = read_units(outputs[0]), read_units(outputs[1])
        wanted, got = of_good(before, alone, outputs[0]), of_good(units, mixed, outputs[1])
        taken = claimed(units)
        changed = {name for name in set(wanted) | set(got) if wanted.get(name) != got.get(name)}
        complaints += [f"{scope}: {name} is not what it is without the broken ones"
                       for name in sorted(changed)
                       if not taken & set(re.findall(r"good\d{3}", name))]
        found, stubs, real = check_mutated(mixed, units)
        complaints += [f"{scope}: {line}" for line in found]
        complaints += [f"{scope}: {line}" for line in
                       check_verify(scope, outputs[1], units, rng)]
        print(f"{scope}: {GOOD} good and {arguments.count} mutated specs: {stubs} stubs, "
              f"{real} services, {seconds:.2f} s")
    return complaints


def main():
    arguments = parse_arguments()
    arguments.generator = arguments.generator.resolve()
    if arguments.keep:
        complaints = run(arguments, arguments.keep)
    else:
        with tempfile.TemporaryDirectory(prefix="phoenix-mutate-") as work:
            complaints = run(arguments, pathlib.Path(work))
    for line in complaints[:50]:
        print(line)
    if complaints:
        print(f"{len(complaints)} complaints; --seed {arguments.seed} --count {arguments.count}"
              " makes the same specs again, --keep DIR leaves them there")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
