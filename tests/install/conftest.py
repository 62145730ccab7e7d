"""Fixtures: the build folder's tree installed into a folder of its own, and how programs are built against it."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SENDCONN_BUILD_DIR", ROOT / "build-test"))
PROGRAMS = Path(__file__).parent / "programs"


def run(*command, env=None, **options) -> str:
    """Its standard output. A command that fails fails the test, with all that it said."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          env={**os.environ, **(env or {})}, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language in a page of the documentation."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def build_options() -> dict:
    answer = run("meson", "introspect", BUILD, "--buildoptions")
    return {option["name"]: option["value"] for option in json.loads(answer)}


@dataclass
class Tree:
    destination: Path  # DESTDIR
    prefix: Path       # below it, as an absolute path
    libdir: Path
    includedir: Path

    def environment(self) -> dict:
        """For building against the tree by pkg-config, and for running what was built."""
        return {
            "PKG_CONFIG_PATH": str(self.libdir / "pkgconfig"),
            "PKG_CONFIG_SYSROOT_DIR": str(self.destination),
            "LD_LIBRARY_PATH": str(self.libdir),
        }

    def cmake_environment(self, compiler: str = "c++") -> dict:
        """The same by CMake, whose package says where it is by itself; pkg-config is for the system's libraries alone."""
        return {"CMAKE_PREFIX_PATH": str(self.prefix), "LD_LIBRARY_PATH": str(self.libdir), "CXX": compiler}

    def pkg_config(self, *words) -> list[str]:
        return run("pkg-config", *words, env=self.environment()).split()

    def has(self, library: str) -> bool:
        return (self.libdir / library).exists()


@pytest.fixture(scope="session")
def options():
    found = build_options()
    if found["b_sanitize"] != "none":
        pytest.skip(f"the build is sanitized ({found['b_sanitize']}); a program would need that, too")
    return found


@pytest.fixture(scope="session")
def tree(options, tmp_path_factory):
    destination = tmp_path_factory.mktemp("destination")
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", destination, "--quiet")
    prefix = destination / Path(options["prefix"]).relative_to("/")
    return Tree(destination, prefix, prefix / options["libdir"], prefix / options["includedir"])


@pytest.fixture
def compiler():
    """The compiler by which the build's C++ is known to compile: g++ or clang++, without ccache in front."""
    name = os.environ.get("CXX", "c++").split()[-1]
    assert shutil.which(name), name
    return name


def need_library(tree: Tree, name: str):
    if not tree.has(name):
        pytest.skip(f"the build has no {name} (-Ddefault_library)")
