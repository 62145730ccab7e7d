"""Programs of somebody else's, built against the installed tree by pkg-config and by CMake, with the shared and with the
static library, and run."""

import os
import re
import shutil
import subprocess

import pytest

from conftest import PROGRAMS, ROOT, need_library, run

SHARED = {"cpp": "libsendconn.so", "c": "libsendconn-c.so"}
STATIC = {"cpp": "libsendconn.a", "c": "libsendconn-c.a"}
NEEDED = re.compile(r"\(NEEDED\).*\[(libsendconn[^\]]*)\]")


def linked_with(program) -> list[str]:
    """The libraries of ours that a program loads."""
    return NEEDED.findall(run("readelf", "-d", program))


def check_it_runs(program, tree):
    assert run(program, env=tree.environment()).startswith("dkim=pass spf=pass resolver=")


def need_cmake():
    if not shutil.which("cmake"):
        pytest.skip("no cmake (scripts/setup installs it)")


def test_what_is_installed(tree):
    installed = {str(path.relative_to(tree.prefix)) for path in tree.prefix.rglob("*") if path.is_file()}
    headers = {f"include/sendconn/{path.name}" for path in (ROOT / "include/sendconn").glob("*.hpp")}
    assert headers <= installed
    strangers = {path for path in installed if path.startswith("include/")} - headers
    assert strangers <= {"include/sendconn.h"}, strangers
    libdir = tree.libdir.relative_to(tree.prefix)
    for name in ("pkgconfig/sendconn.pc", "cmake/sendconn/sendconn-config.cmake",
                 "cmake/sendconn/sendconn-config-version.cmake"):
        assert f"{libdir}/{name}" in installed


def test_pkg_config_shared(tree, compiler, tmp_path):
    need_library(tree, SHARED["cpp"])
    program = tmp_path / "use_cpp"
    run(compiler, "-std=c++20", PROGRAMS / "use_cpp.cpp", "-o", program,
        *tree.pkg_config("--cflags", "--libs", "sendconn"))
    assert linked_with(program) == [soname(tree)]
    check_it_runs(program, tree)


def soname(tree) -> str:
    """"libsendconn.so.0.1": moves with each minor release."""
    found = re.search(r"\(SONAME\).*\[([^\]]*)\]", run("readelf", "-d", tree.libdir / SHARED["cpp"])).group(1)
    version = tree.pkg_config("--modversion", "sendconn")[0]
    assert found == f"libsendconn.so.{'.'.join(version.split('.')[:2])}"
    return found


def only_static(tree, name) -> list[str]:
    """What the linker is told where the folder has both: the archive, and what pkg-config says goes with it."""
    words = tree.pkg_config("--static", "--cflags", "--libs", name)
    assert f"-l{name}" in words
    return [f"-l:lib{name}.a" if word == f"-l{name}" else word for word in words]


def test_pkg_config_static(tree, compiler, tmp_path):
    need_library(tree, STATIC["cpp"])
    program = tmp_path / "use_cpp"
    run(compiler, "-std=c++20", PROGRAMS / "use_cpp.cpp", "-o", program, *only_static(tree, "sendconn"))
    assert linked_with(program) == []
    check_it_runs(program, tree)


def test_pkg_config_says_nothing_private_to_who_links_the_shared_library(tree):
    words = tree.pkg_config("--libs", "sendconn")
    assert [word for word in words if word.startswith("-l")] == ["-lsendconn"]


@pytest.mark.parametrize("static", [False, True], ids=["shared", "static"])
def test_cmake(tree, compiler, tmp_path, static):
    need_cmake()
    need_library(tree, STATIC["cpp"] if static else SHARED["cpp"])
    environment = tree.cmake_environment(compiler)
    run("cmake", "-S", PROGRAMS.parent / "cmake", "-B", tmp_path, f"-DPROGRAMS={PROGRAMS}", f"-DWANT_STATIC={static}",
        env=environment)
    run("cmake", "--build", tmp_path, env=environment)
    assert linked_with(tmp_path / "use_cpp") == ([] if static else [soname(tree)])
    check_it_runs(tmp_path / "use_cpp", tree)


@pytest.mark.parametrize("asked, found", [("0.1", True), ("0", True), ("0.2", False), ("0.0.9", False), ("1", False)])
def test_cmake_versions(tree, compiler, tmp_path, asked, found):
    """Releases of one minor number go together."""
    need_cmake()
    assert tree.pkg_config("--modversion", "sendconn")[0].startswith("0.1.")
    done = subprocess.run(["cmake", "-S", PROGRAMS.parent / "cmake", "-B", tmp_path, f"-DPROGRAMS={PROGRAMS}",
                           f"-DWANT_VERSION={asked}"], capture_output=True, text=True,
                          env={**os.environ, **tree.cmake_environment(compiler)})
    assert (done.returncode == 0) == found, done.stderr


# The C library.


def test_pkg_config_c_shared(tree, tmp_path):
    need_library(tree, SHARED["c"])
    program = tmp_path / "use_c"
    run("gcc", "-std=c99", PROGRAMS / "use_c.c", "-o", program, *tree.pkg_config("--cflags", "--libs", "sendconn-c"))
    assert linked_with(program) == ["libsendconn-c.so.0"]
    run(program, env=tree.environment())


def test_pkg_config_c_static(tree, tmp_path):
    """gcc, the archive and what pkg-config says: no g++, and nothing said by hand."""
    need_library(tree, STATIC["c"])
    program = tmp_path / "use_c"
    run("gcc", "-std=c99", PROGRAMS / "use_c.c", "-o", program, *only_static(tree, "sendconn-c"))
    assert linked_with(program) == []
    run(program, env=tree.environment())


@pytest.mark.parametrize("static", [False, True], ids=["shared", "static"])
def test_cmake_c(tree, tmp_path, static):
    need_cmake()
    need_library(tree, STATIC["c"] if static else SHARED["c"])
    run("cmake", "-S", PROGRAMS.parent / "cmake_c", "-B", tmp_path, f"-DPROGRAMS={PROGRAMS}", f"-DWANT_STATIC={static}",
        env=tree.cmake_environment())
    run("cmake", "--build", tmp_path, env=tree.cmake_environment())
    assert linked_with(tmp_path / "use_c") == ([] if static else ["libsendconn-c.so.0"])
    run(tmp_path / "use_c", env=tree.cmake_environment())
