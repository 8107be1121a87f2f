#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The JSON Schema against the reader: what `phoenix check` takes, the schema takes as well; what the
schema refuses, the reader at least warns about. The checker below knows the words the schema uses."""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

phoenix, corpus = sys.argv[1], [Path(p) for p in sys.argv[2:]]
schema = json.loads(subprocess.run([phoenix, "schema"], capture_output=True, check=True).stdout)
KNOWN = {"$schema", "title", "description", "default", "type", "enum", "anyOf", "items", "minItems",
         "minimum", "maximum", "pattern", "properties", "patternProperties", "additionalProperties",
         "required", "propertyNames", "const", "if", "then", "else", "const", "if", "then", "else"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
         "number": (int, float)}


def is_type(value, name):
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, TYPES[name])


def accepts(rule, value):
    unknown = set(rule) - KNOWN
    assert not unknown, f"the schema uses words this test does not check: {unknown}"
    if "if" in rule and not accepts(rule["then"] if accepts(rule["if"], value) else rule["else"], value):
        return False
    if "const" in rule and value != rule["const"]:
        return False
    types = rule.get("type", [])
    if types and not any(is_type(value, t) for t in ([types] if isinstance(types, str) else types)):
        return False
    if "enum" in rule and value not in rule["enum"]:
        return False
    if "anyOf" in rule and not any(accepts(r, value) for r in rule["anyOf"]):
        return False
    if isinstance(value, str) and "pattern" in rule and not re.search(rule["pattern"], value):
        return False
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not rule.get("minimum", value) <= value <= rule.get("maximum", value):
            return False
    if isinstance(value, list):
        return len(value) >= rule.get("minItems", 0) and all(
            accepts(rule.get("items", {}), v) for v in value)
    if isinstance(value, dict):
        return accepts_object(rule, value)
    return True


def accepts_object(rule, value):
    if any(key not in value for key in rule.get("required", [])):
        return False
    for key, member in value.items():
        if not accepts(rule.get("propertyNames", {}), key):
            return False
        if key in rule.get("properties", {}):
            if not accepts(rule["properties"][key], member):
                return False
        elif any(re.search(p, key) for p in rule.get("patternProperties", {})):
            continue
        elif rule.get("additionalProperties", True) is False:
            return False
        elif isinstance(rule.get("additionalProperties"), dict):
            if not accepts(rule["additionalProperties"], member):
                return False
    return True


def reader(text):
    with tempfile.NamedTemporaryFile("w", suffix=".json", prefix="x", dir="/tmp") as file:
        file.write(text)
        file.flush()
        found = subprocess.run([phoenix, "check", "--json", file.name], capture_output=True)
    findings = json.loads(found.stdout)
    return [f for f in findings if f["key"] != "name" and f["severity"] != "note"]


WRONG = [
    {"type": "dokcer", "image": "x"}, {"image": "x"}, {"type": "docker"}, [],
    {"type": "docker", "image": "x", "proxyport": 0}, {"type": "docker", "image": "x", "args": "y"},
    {"type": "docker", "image": "x", "enable": "yes"}, {"type": "docker", "image": "x", "nmae": "y"},
    {"type": "docker", "image": "x", "restart": {"policy": "sometimes"}},
    {"type": "docker", "image": "x", "healthcheck": {"status": []}},
    {"type": "docker", "image": "x", "healthcheck": [{"retries": 0}]},
    {"type": "docker", "image": "x", "listen": [{"mode": "0999"}]},
    {"type": "docker", "image": "x", "unit": {"Service": 5}},
    {"type": "policy"}, {"type": "policy", "match": "x", "classes": {"CPU": "-c"}},
    {"type": "policy", "match": "x", "classes": {"cpu": {"kep": 1}}},
    {"type": "policy", "match": "x", "action": "kill"}, {"type": "policy", "match": "x", "image": "x"},
    {"type": "collector", "url": "ftp://x"}, {"type": "collector", "url": "https://me:pw@x"},
    {"type": "collector", "image": "x"}, {"type": "collector", "token": "a/b"},
]
checked = 0
for path in corpus:
    try:
        value = json.loads(path.read_text(), object_pairs_hook=lambda pairs: dict(pairs))
    except ValueError:
        continue
    if not reader(path.read_text()):
        assert accepts(schema, value), f"{path}: the reader takes it, the schema does not"
        checked += 1
assert checked >= 3, "too few good specs to compare with"
for value in WRONG:
    assert not accepts(schema, value), f"the schema takes {value}"
    assert reader(json.dumps(value)), f"the reader has nothing to say about {value}"
print(f"{checked} good and {len(WRONG)} wrong specs: schema and reader agree")
