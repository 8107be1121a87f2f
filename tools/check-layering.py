#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds sources and meson files to the layering of docs/architecture.md.

    lib/base <- lib/spec <- { generator, supervisor, cli }
    { lib/base, kmod/text } <- lib/sysinfo <- { supervisor, cli }
    lib/base <- collector
    lib/base <- lib/engine
    { lib/spec, lib/sysinfo, lib/engine } <- lib/reap <- { supervisor, cli }

An arrow may be followed backwards only; the three programs never include each other. The helpers
that run inside a unit's cgroup use nothing of ours but their own folder, so that they stay small and
can be linked statically. Outside libraries stay where the table says.

usage: check-layering.py ROOT
"""

import fnmatch
import os
import re
import sys

# Folder: folders of ours it may include, besides itself. The longest matching name counts.
MAY_INCLUDE = {
    "lib/base": [],
    "lib/spec": ["lib/base"],
    "lib/sysinfo": ["lib/base", "kmod"],
    "lib/engine": ["lib/base"],
    "lib/reap": ["lib/base", "lib/spec", "lib/sysinfo", "lib/engine"],
    "kmod": [],
    "generator": ["lib/base", "lib/spec"],
    "supervisor/policy": [],
    "supervisor/loop": ["lib/base"],
    "supervisor/probe": ["lib/base", "lib/spec", "supervisor/lease", "supervisor/loop"],
    "supervisor/daemon": [
        "lib/base", "lib/spec", "supervisor/idle", "supervisor/lease", "supervisor/loop",
        "supervisor/policy", "supervisor/probe", "lib/sysinfo", "lib/reap", "lib/engine",
    ],
    "supervisor/abort": [],
    "supervisor/once": [],
    "supervisor/lease": ["supervisor/abort"],
    "supervisor/idle": ["supervisor/abort", "supervisor/lease"],
    "supervisor/drain": ["supervisor/abort", "supervisor/lease"],
    "collector": ["lib/base"],
    "cli": ["lib/base", "lib/spec", "lib/sysinfo", "kmod", "lib/reap", "lib/engine"],
    "tests/testy": [],
    "tests/fuzz": [
        "lib/base", "lib/spec", "lib/sysinfo", "lib/engine", "kmod", "generator", "supervisor/idle", "supervisor/lease",
        "supervisor/daemon", "supervisor/probe", "collector",
    ],
}

# Header of an outside library: files that may include it (globs, from the root).
LIBRARIES = {
    "jansson.h": ["lib/spec/*", "lib/sysinfo/*", "lib/engine/*", "supervisor/daemon/*", "collector/*", "cli/*", "tests/*"],
    "archive*.h": ["generator/*", "tests/*"],
    "curl/*": ["supervisor/probe/*", "supervisor/daemon/notify/*"],
    # The generator itself runs before there is anything to talk to; its stub is a service.
    "systemd/*": ["lib/base/*", "supervisor/loop/*", "supervisor/probe/*", "supervisor/daemon/*", "collector/*", "cli/*", "generator/stub-main.c"],
    "microhttpd.h": ["collector/*"],
    "sqlite3.h": ["collector/*"],
    "zstd.h": ["collector/pack.c"],
    "cairo.h": ["collector/*"],
    "cmocka.h": ["tests/*", "*/test-*.c", "*/test-*.h"],
}

# Where no library may be used, whatever the table above says.
BARE = ["kmod", "supervisor/abort", "supervisor/once", "supervisor/lease", "supervisor/idle", "supervisor/drain", "supervisor/policy", "tests/testy"]

# Names of dependencies in meson files: which folders may name them.
DEPENDENCIES = {
    "base_dep": ["lib/base", "lib/spec", "lib/sysinfo", "lib/engine", "generator", "supervisor", "cli", "tests", "collector"],
    "spec_dep": ["lib/spec", "lib/reap", "generator", "supervisor", "cli", "tests"],
    "jansson_dep": ["lib/spec", "lib/sysinfo", "lib/engine", "supervisor/daemon", "cli", "tests", "collector"],
    "libarchive_dep": ["generator", "tests"],
    "libcurl_dep": ["supervisor"],
    "libsystemd_dep": ["lib/base", "generator", "supervisor", "collector", "cli", "tests"],
    "libmicrohttpd_dep": ["collector"],
    "sqlite_dep": ["collector"],
    "zstd_dep": ["collector"],
    "cairo_dep": ["collector"],
    "collector_dep": ["collector", "tests"],
    "libcli": ["cli"],
    "libgenerator": ["generator", "tests"],
    "generator_dep": ["generator", "tests"],
    "idle_dep": ["supervisor", "tests"],
    "kmod_text_dep": ["kmod", "lib/sysinfo", "supervisor", "cli", "tests"],
    "lease_protocol_dep": ["supervisor", "tests"],
    "loop_dep": ["supervisor", "tests"],
    "policy_dep": ["supervisor", "tests"],
    "probe_dep": ["supervisor", "tests"],
    "engine_dep": ["lib/engine", "lib/reap", "supervisor", "cli", "tests"],
    "reap_dep": ["lib/reap", "supervisor", "cli", "tests"],
    "sysinfo_dep": ["lib/sysinfo", "lib/reap", "supervisor", "cli", "tests"],
    "supervisor_dep": ["supervisor", "tests"],
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.MULTILINE)
WORD = re.compile(r"[A-Za-z_]\w*")


def layer_of(path):
    """The longest folder of MAY_INCLUDE that the path lies in, or None."""
    found = [f for f in MAY_INCLUDE if path.startswith(f + "/")]
    return max(found, key=len, default=None)


def is_test(path):
    return os.path.basename(path).startswith("test-")


def sources(root):
    for top in ("lib", "kmod", "generator", "supervisor", "collector", "cli", "tests"):
        for folder, folders, files in os.walk(os.path.join(root, top)):
            folders.sort()
            for name in sorted(files):
                if name.endswith((".c", ".h")) or name == "meson.build":
                    yield os.path.relpath(os.path.join(folder, name), root)


def resolve(root, source, header):
    """The file that a quoted include means, from the root; None when there is none."""
    for base in (os.path.dirname(source), "lib", "", layer_of(source) or ""):
        path = os.path.normpath(os.path.join(base, header))
        if os.path.isfile(os.path.join(root, path)):
            return path
    return None


def check_own(root, source, header):
    layer = layer_of(source)
    path = resolve(root, source, header)
    if layer is None:
        return None
    if path is None:
        return f'"{header}" is no file of the tree'
    target = layer_of(path)
    if target == layer or target in MAY_INCLUDE[layer]:
        return None
    return f'"{header}": {layer} may not use {target or os.path.dirname(path)}'


def check_library(source, header):
    if layer_of(source) in BARE and not is_test(source):
        if any(fnmatch.fnmatch(header, pattern) for pattern in LIBRARIES):
            return f"<{header}>: {layer_of(source)} links nothing but libc"
    for pattern, allowed in LIBRARIES.items():
        if fnmatch.fnmatch(header, pattern):
            if not any(fnmatch.fnmatch(source, a) for a in allowed):
                return f"<{header}> may only be included by {', '.join(allowed)}"
    return None


def check_source(root, source):
    with open(os.path.join(root, source), encoding="utf-8") as file:
        text = file.read()
    for match in INCLUDE.finditer(text):
        kind, header = match.groups()
        wrong = check_own(root, source, header) if kind == '"' else check_library(source, header)
        if wrong:
            yield text.count("\n", 0, match.start()) + 1, wrong


def check_meson(root, source):
    folder = os.path.dirname(source)
    with open(os.path.join(root, source), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            for word in WORD.findall(re.sub(r"'[^']*'|#.*", "", line)):
                allowed = DEPENDENCIES.get(word)
                bare = folder in BARE and word in DEPENDENCIES and not line.startswith(f"{word} =")
                if bare or (allowed and not any(f"{folder}/".startswith(a + "/") for a in allowed)):
                    yield number, f"{word} may not be used in {folder}"


def main(root):
    wrong = checked = 0
    for source in sources(root):
        check = check_meson if source.endswith("meson.build") else check_source
        checked += 1
        for line, message in check(root, source):
            print(f"{source}:{line}: {message}")
            wrong += 1
    print(f"{checked} files, {wrong} against the layering")
    if checked == 0:
        print(f"{root} is not the source tree", file=sys.stderr)
    return 1 if wrong or checked == 0 else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
