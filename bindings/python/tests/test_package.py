"""The package as it is installed: its files, its one exported symbol, and what importing it costs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sendconn

PACKAGE = Path(sendconn.__file__).parent
SOURCES = Path(__file__).resolve().parents[1] / "sendconn"


def test_every_source_is_in_the_package():
    wanted = {
        str(file.relative_to(SOURCES))
        for file in SOURCES.rglob("*")
        if file.suffix in (".py", ".pyi", ".typed") or file.name == "py.typed"
    }
    found = {str(file.relative_to(PACKAGE)) for file in PACKAGE.rglob("*") if file.suffix in (".py", ".pyi", ".typed")}
    assert wanted - found == set()


def test_the_module_exports_nothing_but_itself():
    if shutil.which("nm") is None:
        pytest.skip("no nm")
    (module,) = PACKAGE.glob("_core*.so")
    symbols = subprocess.run(["nm", "-D", "--defined-only", str(module)], capture_output=True, text=True, check=True)
    assert [line.split()[-1] for line in symbols.stdout.splitlines()] == ["PyInit__core"]


def test_importing_takes_no_heavy_modules():
    """Nobody pays for asyncio, typing or the email package who does not use them."""
    code = "import sendconn, sys; print(*sorted({'asyncio', 'typing', 'email', 'inspect', 'dns', 'ssl'} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-S", "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_part_is_there_once_the_package_is_imported():
    code = "import sendconn; print(sendconn.smtp.ServerSession, sendconn.aio.Server, sendconn.mailer.Report)"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    subprocess.run([sys.executable, "-S", "-c", code], env=environment, capture_output=True, text=True, check=True)


def test_the_build_installs_the_whole_package(tmp_path):
    build = os.environ.get("SENDCONN_BUILD_DIR")
    if build is None or shutil.which("meson") is None:
        pytest.skip("no build folder: SENDCONN_BUILD_DIR names it")
    command = ["meson", "install", "-C", build, "--no-rebuild", "--tags", "python-runtime", "--destdir", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    installed = [path.parent for path in tmp_path.rglob("py.typed")]
    assert len(installed) == 1 and installed[0].name == "sendconn"
    names = {str(file.relative_to(installed[0])) for file in installed[0].rglob("*") if file.is_file()}
    assert names == {
        str(file.relative_to(PACKAGE))
        for file in PACKAGE.rglob("*")
        if file.suffix in (".py", ".pyi", ".typed", ".so") or file.name == "py.typed"
    }
    others = {file for file in tmp_path.rglob("*") if file.is_file()} - set(installed[0].rglob("*"))
    assert others == set()
    code = "import sendconn; print(sendconn.__file__, sendconn.spf.parse('v=spf1 -all').valid)"
    environment = {**os.environ, "PYTHONPATH": str(installed[0].parent), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(installed[0] / "__init__.py"), "True"]
