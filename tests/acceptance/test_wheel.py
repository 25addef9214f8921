"""The wheel: all that a server needs and nothing else, and a demo from it alone."""

import re
import signal
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from footfall.sdk_files import SdkFile, sdk_files
from tests.reference import ROOT
from tests.support import WAIT_SECONDS, directory

SOURCE = ROOT / "src" / "footfall"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = out.iterdir()
    return built


def place_of(file: SdkFile) -> str:
    """The folder of one of the browser's files."""
    return "frozen/" if file.version else "shopify/" if file.name.endswith(".liquid") else ""


def test_it_holds_the_code_the_pages_and_the_browsers_files_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    code = {f"footfall/{path.relative_to(SOURCE)}" for path in SOURCE.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    browser = {f"footfall/sdk/{place_of(file)}{file.name}" for file in sdk_files().values()}
    assert held == code | browser
    assert {"footfall/py.typed", "footfall/api/templates/home.html", "footfall/api/templates/style.css"} <= held
    assert "footfall/sdk/frozen/footfall.v1.js" in held


def test_what_npm_leaves_beside_the_browsers_files_stays_out(tmp_path: Path) -> None:
    (tmp_path / "src" / "footfall").mkdir(parents=True)
    # The last says which version it is.
    for name in ("pyproject.toml", "README.md", "LICENSE", "src/footfall/__init__.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    wanted = tmp_path / "sdk" / "footfall.js"
    others = [tmp_path / "sdk" / name for name in ("package.json", "react/index.js", "react/node_modules/react/index.js")]
    for path in [wanted, *others]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel"], cwd=tmp_path, check=True, capture_output=True
    )
    (built,) = (tmp_path / "dist").iterdir()
    with zipfile.ZipFile(built) as archive:
        held = {name for name in archive.namelist() if name.startswith("footfall/")}
    assert held == {"footfall/__init__.py", "footfall/sdk/footfall.js"}


def installed(wheel: Path, environment: Path) -> Path:
    """The folder of commands of a fresh environment with the wheel, which sees this one's packages but not its Footfall."""
    venv.create(environment, with_pip=False)
    commands = environment / "bin"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", commands / "python", "install", "--quiet", "--no-deps", "--no-index",
         "--disable-pip-version-check", wheel],
        check=True,
        capture_output=True,
    )  # fmt: skip
    # Not before the installation: pip would find this environment's Footfall there. Python reads no .pth files, such as the
    # checkout's, in a folder that comes by one.
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return commands


@contextmanager
def demo(commands: Path, folder: Path) -> Iterator[str]:
    """What the demo shows, from a folder and without an environment; it ends as it should."""
    process = subprocess.Popen(
        [commands / "footfall", "demo", "--port", "0"],
        cwd=folder,
        env={},
        stdout=subprocess.PIPE,
        text=True,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C stops it" in line:
                break
        yield "".join(lines)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=WAIT_SECONDS) == 0
    finally:
        process.kill()
        process.communicate()


def test_the_demo_runs_from_an_installed_wheel_in_an_empty_folder(wheel: Path) -> None:
    with directory() as place:
        commands = installed(wheel, place / "environment")
        folder = place / "empty"
        folder.mkdir()
        where = [str(commands / "python"), "-c", "import footfall; print(footfall.__file__)"]
        imported = subprocess.run(where, cwd=folder, env={}, check=True, capture_output=True, text=True).stdout
        assert Path(imported).is_relative_to(place / "environment")
        with demo(commands, folder) as text:
            assert f"{commands / 'footfall'} tail --data footfall-demo --shop demo" in text
            found = re.search(r"(http://\S+:\d+)/ ", text)
            assert found is not None, text
            with httpx.Client(base_url=found[1], timeout=60) as client:
                for path in (
                    "/",
                    "/docs",
                    "/docs/moving",
                    "/openapi.json",
                    "/ready",
                    *(f"/sdk/{name}" for name in sdk_files()),
                ):
                    assert client.get(path).status_code == 200, path
                assert client.get("/sdk/footfall.v1.js").content == sdk_files()["footfall.v1.js"].content
        assert [path.name for path in folder.iterdir()] == ["footfall-demo"]
