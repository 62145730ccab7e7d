"""A project of somebody else's that has sendconn as a Meson subproject, with the wrap file of packaging/.

It compiles the library once more, so it stays in the build folder from run to run."""

import shutil

import pytest

from conftest import BUILD, PROGRAMS, ROOT, run

PROJECT = BUILD / "tests/install/subproject"


@pytest.fixture(scope="module")
def project(options):
    """meson.build, the program, the wrap file, and the tree as the subproject."""
    subprojects = PROJECT / "subprojects"
    subprojects.mkdir(parents=True, exist_ok=True)
    shutil.copy(PROGRAMS.parent / "subproject/meson.build", PROJECT)
    shutil.copy(PROGRAMS / "use_cpp.cpp", PROJECT)
    shutil.copy(PROGRAMS / "use_c.c", PROJECT)
    shutil.copy(ROOT / "packaging/sendconn.wrap", subprojects)
    tree = subprojects / "sendconn"
    if not tree.is_symlink() or tree.resolve() != ROOT:
        tree.unlink(missing_ok=True)
        tree.symlink_to(ROOT)
    return PROJECT


@pytest.mark.parametrize("kind", ["shared", "static"])
def test_subproject(project, kind):
    build = project / "build"
    words = ["meson", "setup", build, project, "--buildtype=plain", f"-Dsendconn:default_library={kind}"]
    if (build / "build.ninja").exists():
        words.append("--reconfigure")
    # Compilers as the build folder has them; ccache makes it short.
    environment = {"CCACHE_NOHASHDIR": "1", "PKG_CONFIG_PATH": ""}
    run(*words, env=environment)
    run("ninja", "-C", build, "use_cpp", env=environment)
    loads = run("readelf", "-d", build / "use_cpp")
    assert ("libsendconn.so" in loads) == (kind == "shared")
    assert run(build / "use_cpp").startswith("dkim=pass spf=pass")
    # Programs and tests of a subproject are built only for who asks for them.
    assert [path.name for path in (build / "subprojects/sendconn").iterdir() if path.name in ("relay", "tools", "tests")] == []
