# SPDX-License-Identifier: MIT
"""The fixtures are those of all tests that run inside a machine; see tests/lib/fixtures.py."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

from fixtures import *  # noqa: E402,F401,F403 pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position
