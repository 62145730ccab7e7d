"""The programs of docs/guides/cpp.md and the build files of docs/install.md, as they stand there."""

import shutil

import pytest

from conftest import ROOT, blocks, need_library, run

GUIDE = (ROOT / "docs/guides/cpp.md").read_text(encoding="utf-8")
INSTALL = (ROOT / "docs/install.md").read_text(encoding="utf-8")


PROGRAMS = list(zip(blocks(GUIDE, "cpp"), blocks(GUIDE, "text"), strict=True))


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_of_the_guide_prints_what_stands_below_it(number, tree, compiler, tmp_path):
    need_library(tree, "libsendconn.so")
    program, printed = PROGRAMS[number]
    (tmp_path / "program.cpp").write_text(program)
    run(compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", tmp_path / "program.cpp", "-o", tmp_path / "program",
        *tree.pkg_config("--cflags", "--libs", "sendconn"))
    assert run(tmp_path / "program", env=tree.environment()).replace("\r\n", "\n") == printed


def test_the_guide_has_programs():
    assert len(PROGRAMS) == 4


@pytest.fixture
def example(tmp_path):
    """A folder with the program that the build files of docs/install.md name."""
    (tmp_path / "program.cpp").write_text(PROGRAMS[0][0])
    return tmp_path


@pytest.mark.parametrize("static", [False, True], ids=["shared", "static"])
def test_the_commands_for_pkg_config(static, example, tree, compiler):
    need_library(tree, "libsendconn.a" if static else "libsendconn.so")
    (command,) = [block for block in blocks(INSTALL, "sh")
                  if "pkg-config" in block and ("--static" in block) == static]
    run("sh", "-ec", command.replace("c++ ", f"{compiler} ", 1), cwd=example, env=tree.environment())
    assert ("libsendconn.so" in run("readelf", "-d", example / "program")) != static
    assert run(example / "program", env=tree.environment()) == PROGRAMS[0][1]


def test_the_cmake_project(example, tree, compiler):
    if not shutil.which("cmake"):
        pytest.skip("no cmake (scripts/setup installs it)")
    (project,) = blocks(INSTALL, "cmake")
    (example / "CMakeLists.txt").write_text(project)
    environment = tree.cmake_environment(compiler)
    run("cmake", "-S", ".", "-B", "build", cwd=example, env=environment)
    run("cmake", "--build", "build", cwd=example, env=environment)
    assert run(example / "build/program", env=environment) == PROGRAMS[0][1]


def test_the_meson_project(example, tree, compiler):
    (project,) = blocks(INSTALL, "meson")
    (example / "meson.build").write_text(project)
    environment = {**tree.environment(), "CXX": compiler}
    run("meson", "setup", "build", cwd=example, env=environment)
    run("ninja", "-C", "build", cwd=example, env=environment)
    assert run(example / "build/program", env=environment) == PROGRAMS[0][1]


def test_the_wrap_file_names_both_dependencies():
    wrap = (ROOT / "packaging/sendconn.wrap").read_text()
    assert "dependency_names = sendconn, sendconn-c\n" in wrap and "directory = sendconn\n" in wrap
