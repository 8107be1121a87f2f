# SPDX-License-Identifier: MIT
"""A registry of images on this machine, for tests in which images change."""

import contextlib
import json
import pathlib
import shutil
import urllib.request

PROGRAM = "docker-registry"
HERE = "127.0.0.1:5000"
UNIT = "phoenix-test-registry.service"
SETTINGS = pathlib.Path("/etc/containers/registries.conf.d/50-phoenix-test.conf")


def is_installed():
    return shutil.which(PROGRAM) is not None


def catalog():
    """The names of its repositories; None when it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{HERE}/v2/_catalog", timeout=5) as answer:
            return json.load(answer)["repositories"]
    except OSError:
        return None


@contextlib.contextmanager
def running(root, wait_for, folder):
    """Without TLS, which Podman is told to accept. What it keeps goes to the folder."""
    SETTINGS.parent.mkdir(parents=True, exist_ok=True)
    SETTINGS.write_text(f'[[registry]]\nlocation = "{HERE}"\ninsecure = true\n')
    config = folder / "config.yml"
    config.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}}}}}\n"
                      f"http: {{addr: {HERE}}}\n")
    root.check("systemd-run", f"--unit={UNIT}", "--quiet", PROGRAM, "serve", config)
    try:
        wait_for(lambda: catalog() is not None, 20, "the registry")
        yield HERE
    finally:
        root.systemctl("stop", UNIT)
        SETTINGS.unlink()
