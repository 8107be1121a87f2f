#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the manual pages and shell completions to what the program says of itself.

phoenix-spec(5) must have one entry for each line of `phoenix keys`, with the same kind and default;
the words of a key that takes words; and "Not acted on by this version" exactly where the reader says
so. phoenix(1) and the completions must know each verb and option of the program's --help.

An entry is a line `*key* (kind; default: text)`; {a,b} in a key stands for one key each, as in a
shell.

usage: check-man.py PHOENIX spec|command FILE...
"""

import itertools
import json
import re
import subprocess
import sys

ENTRY = re.compile(r"^\*([^*\t]+)\* \(([a-z ]+)(?:; default: (.*))?\)$")
NOT_YET = "Not acted on by this version."


def run(*command, stdin=""):
    done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, encoding="utf-8", timeout=60)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}")
    return done.stdout


def expand(name):
    """a.{b,c}.d -> a.b.d, a.c.d"""
    parts = re.split(r"\{([^}]*)\}", name)
    choices = [part.split(",") if i % 2 else [part] for i, part in enumerate(parts)]
    return ["".join(choice) for choice in itertools.product(*choices)]


def page_entries(text):
    """Key: (kind, default, body) for each entry."""
    entries, names = {}, []
    for line in text.splitlines():
        line = re.sub(r"\\(.)", r"\1", line)
        match = ENTRY.match(line)
        if match:
            names = expand(match[1])
            for name in names:
                if name in entries:
                    yield f"{name}: stands there twice"
                entries[name] = [match[2], match[3] or "-", ""]
        elif line.startswith("#"):
            names = []
        else:
            for name in names:
                entries[name][2] += line + "\n"
    yield entries


def schema_words(schema, prefix=""):
    """Key: accepted words, for each key that the schema gives an enum."""
    for word in ("then", "else"):
        if word in schema:
            yield from schema_words(schema[word], prefix)
    for name, key in schema.get("properties", {}).items():
        path = f"{prefix}.{name}" if prefix else name
        for part in walk(key):
            if "enum" in part:
                yield path, part["enum"]
            yield from schema_words(part, path)
            if isinstance(part.get("additionalProperties"), dict):
                yield from schema_words(part["additionalProperties"], f"{path}.NAME")


def walk(schema):
    """A schema and the alternatives and elements that stand for the same key."""
    yield schema
    for part in schema.get("anyOf", []):
        yield from walk(part)
    if "items" in schema:
        yield from walk(schema["items"])


def is_not_yet(phoenix, key):
    spec = json.dumps({"type": "docker", "image": "x", key: None})
    return any(f["code"] == "not-yet" for f in json.loads(run(phoenix, "check", "--json", "-", stdin=spec)))


def check_spec(phoenix, path):
    with open(path, encoding="utf-8") as file:
        *twice, entries = page_entries(file.read())
    yield from twice

    keys = {}
    for line in run(phoenix, "keys").splitlines():
        name, kind, default, _ = line.split("\t")
        keys[name] = (kind, default)

    for name in sorted(keys.keys() - entries.keys()):
        yield f"{name}: has no entry"
    for name in sorted(entries.keys() - keys.keys()):
        yield f"{name}: is no key"
    for name in sorted(keys.keys() & entries.keys()):
        kind, default, body = entries[name]
        if kind != keys[name][0]:
            yield f"{name}: is a {keys[name][0]}, not a {kind}"
        if default != keys[name][1]:
            yield f"{name}: its default is {keys[name][1]}, not {default}"
        if "." not in name:
            says = NOT_YET in " ".join(body.split())
            if says != is_not_yet(phoenix, name):
                yield f"{name}: the page {'says' if says else 'does not say'} that it is not acted on"

    for name, words in schema_words(json.loads(run(phoenix, "schema"))):
        for word in words:
            # An object that may be written as a word has the words of that member.
            if entries.get(name, [""])[0] == "word" and not re.search(rf"[*_]{re.escape(word)}[*_]", entries[name][2]):
                yield f"{name}: the word {word} is not in its entry"


def command_words(phoenix):
    """All verbs and options that help shows."""
    page = run(phoenix, "--help")
    verbs = re.findall(r"^  ([a-z]+) ", page.split("\nOptions")[0], re.MULTILINE)
    words = set(verbs)
    for text in [page] + [run(phoenix, "help", verb) for verb in verbs]:
        words.update(re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE))
    return words


def check_command(phoenix, path):
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"\\(.)", r"\1", file.read())
    words = command_words(phoenix)
    if len(words) < 10:
        yield "the program's --help has no verbs or options that this check can read"
    for word in sorted(words):
        # fish writes options as "-l NAME".
        forms = [word, "-l " + word[2:]] if path.endswith(".fish") and word.startswith("--") else [word]
        if not any(re.search(rf"(?<![\w-]){re.escape(f)}(?![\w-])", text) for f in forms):
            yield f"{word} is missing"


def main(phoenix, kind, paths):
    check = {"spec": check_spec, "command": check_command}[kind]
    wrong = 0
    for path in paths:
        for message in check(phoenix, path):
            print(f"{path}: {message}")
            wrong += 1
    print(f"{len(paths)} file{'s' if len(paths) != 1 else ''}, {wrong} difference{'s' if wrong != 1 else ''}")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[2] not in ("spec", "command"):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
