"""What libsendconn.so and libsendconn-spf2.so export: what the public headers declare, and nothing else."""

import os
import re

import pytest

from conftest import BUILD, ROOT, need_library, run

# Members and functions of namespace sendconn, and the tables of its classes, by their mangled names.
OURS = re.compile(r"_Z(?:N[KRO]*|T[VTIS]N)8sendconn")
WORDS_OF_THE_LANGUAGE = {"for", "const", "unsigned", "char", "long", "int", "bool", "operator", "vtable", "typeinfo", "name",
                         "std", "short", "void", "double"}


def exported(library) -> list[tuple[str, str]]:
    """(mangled, demangled) of each symbol, without the versions' own."""
    mangled = [line.split()[-1].split("@")[0] for line in run("nm", "-D", "--defined-only", library).splitlines()
               if line.split()[-2] != "A"]
    demangled = run("c++filt", input="\n".join(mangled)).splitlines()
    return list(zip(mangled, demangled, strict=True))


def qualified_name(demangled: str) -> str:
    """"sendconn::spf::Check::start(…) const" -> "sendconn::spf::Check::start"."""
    name = re.sub(r"^(?:vtable|typeinfo(?: name)?|VTT) for ", "", demangled)
    name = re.sub(r"\[abi:\w+\]", "", name)
    return name if "operator" in name else name.split("(")[0]


@pytest.fixture(scope="module")
def symbols(tree):
    need_library(tree, "libsendconn.so")
    return exported(tree.libdir / "libsendconn.so")


@pytest.fixture(scope="module")
def declared() -> set[str]:
    """The identifiers of the public headers."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "include/sendconn").glob("*.hpp"))
    return set(re.findall(r"\w+", re.sub(r"//.*", "", text)))


def test_only_namespace_sendconn_is_exported(symbols):
    strangers = [demangled for mangled, demangled in symbols if not OURS.match(mangled)]
    assert not strangers, strangers
    assert len(symbols) > 100  # or nothing would be looked at


def test_only_what_the_headers_declare_is_exported(symbols, declared):
    if os.environ.get("SENDCONN_COMPILER") == "clang":
        pytest.skip("clang exports the insides of the classes, too (lib/base/hidden.hpp)")
    inner = [demangled for _, demangled in symbols if "::Impl::" in demangled]
    assert not inner, inner
    undeclared = [demangled for _, demangled in symbols
                  if not set(re.findall(r"[A-Za-z_]\w*", qualified_name(demangled))) <= declared | WORDS_OF_THE_LANGUAGE]
    assert not undeclared, undeclared


def test_symbols_have_the_version_of_the_soname(tree):
    need_library(tree, "libsendconn.so")
    version = tree.pkg_config("--modversion", "sendconn")[0]
    node = f"SENDCONN_{'.'.join(version.split('.')[:2])}"
    lines = [line.split()[-1] for line in run("nm", "-D", "--defined-only", "--with-symbol-versions",
                                              tree.libdir / "libsendconn.so").splitlines()]
    assert all(line.endswith(f"@@{node}") for line in lines if line != node), lines[:5]


def test_the_shared_library_has_all_that_the_command_line_uses(tree):
    """It was linked again, against the shared library."""
    program = BUILD / "tests/install/sendconn-by-shared-library"
    if not program.exists():
        pytest.skip("the command line is not built, or the library not shared")
    assert run(program, "--version", env=tree.environment()) == run(BUILD / "tools/sendconn", "--version")
    assert "libsendconn.so" in run("readelf", "-d", program)


def test_the_spf_module_exports_its_one_function(tree):
    need_library(tree, "libsendconn-spf2.so")
    assert [mangled for mangled, _ in exported(tree.libdir / "libsendconn-spf2.so")] == ["sendconn_spf2_engine"]


def test_every_public_header_says_what_is_exported():
    """A pragma around each header's namespaces, behind its includes: those of other people keep their own."""
    for path in sorted((ROOT / "include/sendconn").glob("*.hpp")):
        if path.name == "sendconn.hpp":
            continue
        before, push, rest = path.read_text(encoding="utf-8").partition("\n#pragma GCC visibility push(default)\n\nnamespace ")
        assert push, f"{path.name} lacks #pragma GCC visibility push(default) in front of its namespace"
        assert rest.endswith("\n#pragma GCC visibility pop\n"), f"{path.name} must end with #pragma GCC visibility pop"
        assert "#include" not in rest and "\nnamespace " not in before, path.name
