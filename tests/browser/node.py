"""Node beside the browser: bundles of React pages, and pages rendered on a server. It needs no network."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"
_MISSING = "Node's packages are missing: apt-get install nodejs npm, then make dev"


def need_node() -> str:
    """Where Node is; skips the test where it isn't, or what ``make dev`` installs for it."""
    path = shutil.which("node")
    if path is None or not (ROOT / "node_modules" / "installed").exists():
        if os.environ.get("CI"):
            pytest.fail(_MISSING)
        pytest.skip(_MISSING)
    return path


@cache
def bundle(source: str, *options: str) -> str:
    """A source (TSX) and all that it imports, as one script for browsers. React is the one for development, which says what is wrong."""
    need_node()
    command = [
        str(ROOT / "node_modules" / ".bin" / "esbuild"),
        "--bundle",
        "--loader=tsx",
        "--jsx=automatic",
        "--alias:@footfall/react=./sdk/react/index.js",
        '--define:process.env.NODE_ENV="development"',
        "--log-level=error",
        *(options or ("--format=iife",)),
    ]
    done = subprocess.run(command, input=source, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendered(source: str) -> str:
    """What a source prints in Node, where there is neither window nor document."""
    script = bundle(source, "--platform=node", "--format=cjs")
    command = [need_node(), "--no-experimental-global-navigator"] if _has_navigator() else [need_node()]
    done = subprocess.run(command, input=script, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


@cache
def _has_navigator() -> bool:
    """Whether this Node has browsers' ``navigator``, since 21: a server must do without it."""
    version = subprocess.run([need_node(), "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    found = re.match(r"v(\d+)", version)
    return found is not None and int(found[1]) > 20


def blocks(page: Path) -> dict[str, str]:
    """The code of a guide (TypeScript), by the file name that its first line says: ``// app/root.tsx``."""
    found = re.findall(r"^```tsx?\n// (\S+)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return dict(found)


def constants(values: Mapping[str, str]) -> str:
    """Lines that name values for a source."""
    return "".join(f"const {name} = {json.dumps(value)};\n" for name, value in values.items())
