#!/usr/bin/env python3
"""The C interface in other people's programs: linked and loaded, beside other libraries of the same names.

    check_linking.py --root FOLDER --shared LIBRARY --static ARCHIVE [--own-openssl] [--cxx LIBRARY]

Each case compiles a C program by `cc`, runs it and prints a line. Exit code 1 if one fails. What the machine lacks (a
static library of somebody else) is said and passed over.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 100
SECONDS = 300
# What libsendconn-c.a needs besides OpenSSL; libstdc++ and what it needs last.
NEEDED = ["-lcares", "-lidn2", "-lunistring", "-lidn"]
RUNTIME = ["-lstdc++", "-lm", "-ldl", "-pthread"]


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def has_library(name):
    found = subprocess.run(["cc", f"--print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
    return "/" in found


def require(*libraries):
    for library in libraries:
        if not has_library(library):
            raise Skipped(f"no {library}")


class Checker:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.count = 0

    def compile(self, *words):
        self.count += 1
        program = self.folder / f"program{self.count}"
        run = subprocess.run(["cc", "-std=gnu99", "-Wall", "-Wextra", "-Werror", f"-I{self.options.root}", "-o", program,
                              *map(str, words)], capture_output=True, text=True, check=False)
        if run.returncode:
            raise Failed(run.stderr)
        return program

    def run(self, program, *words):
        libraries = [self.options.shared] + ([self.options.cxx] if self.options.cxx else [])
        environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(str(library.parent.resolve()) for library in libraries)}
        run = subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False, timeout=SECONDS,
                             env=environment)
        if run.returncode:
            raise Failed(f"exit code {run.returncode}\n{run.stdout}{run.stderr}")

    def source(self, name):
        return self.options.root / "tests/capi/linking" / name

    @property
    def needed(self):
        """What else there is on the machine; the parts without it do without."""
        found = [flag for flag in NEEDED if has_library(f"lib{flag[2:]}.a") or has_library(f"lib{flag[2:]}.so")]
        return found + ([] if self.options.own_openssl else ["-lssl", "-lcrypto"])

    # ------------------------------------------------------------ the cases

    def shared_linked(self):
        """a C program linked with the shared library"""
        self.run(self.compile(self.source("linked.c"), self.options.shared))

    def static_linked(self):
        """a C program linked with the static library"""
        self.run(self.compile(self.source("linked.c"), self.options.static, *self.needed, *RUNTIME))

    def wholly_static(self):
        """a C program without any shared library"""
        require("libcares.a", "libidn2.a", "libunistring.a", "libidn.a")
        program = self.compile("-static", self.source("linked.c"), self.options.static, *self.needed, *RUNTIME)
        if "interpreter" in subprocess.run(["readelf", "-l", program], capture_output=True, text=True, check=True).stdout:
            raise Failed("it has an interpreter")
        self.run(program)

    def beside_static_openssl(self):
        """linked with a static OpenSSL of the program's own, in both orders, with either library"""
        require("libssl.a", "libcrypto.a")
        own = ["-l:libssl.a", "-l:libcrypto.a"]
        more = ["-ldl", "-pthread"]
        words = ["-DOWN_OPENSSL", self.source("linked.c")]
        if not self.options.own_openssl:
            raise Skipped("this build shares OpenSSL with the process")
        for export in [], ["-rdynamic"]:
            self.run(self.compile(*export, *words, self.options.shared, *own, *more))
            self.run(self.compile(*export, *words, *own, self.options.shared, *more))
            self.run(self.compile(*export, *words, self.options.static, *own, *self.needed, *RUNTIME))
            self.run(self.compile(*export, *words, *own, self.options.static, *self.needed, *RUNTIME))

    def loaded(self):
        """loaded and unloaded 100 times"""
        self.run(self.compile(self.source("loaded.c"), "-ldl"), ROUNDS, self.options.shared)

    def loaded_beside_static_openssl(self):
        """loaded 100 times into a program with a static OpenSSL of its own that exports it"""
        require("libssl.a", "libcrypto.a")
        if not self.options.own_openssl:
            raise Skipped("this build shares OpenSSL with the process")
        program = self.compile("-rdynamic", "-DOWN_OPENSSL", self.source("loaded.c"), "-Wl,--whole-archive", "-l:libssl.a",
                               "-l:libcrypto.a", "-Wl,--no-whole-archive", "-ldl", "-pthread")
        self.run(program, ROUNDS, self.options.shared)

    def loaded_into_a_trap(self):
        """loaded into a program whose functions have OpenSSL's names and end it"""
        if not self.options.own_openssl:
            raise Skipped("this build shares OpenSSL with the process")
        program = self.compile("-rdynamic", self.source("loaded.c"), self.source("trap.c"), "-ldl")
        self.run(program, 2, self.options.shared)

    def beside_the_cxx_library(self):
        """loaded 100 times beside the C++ library, and linked with it, either library, in both orders"""
        if self.options.cxx is None:
            raise Skipped("this build has no shared C++ library")
        program = self.compile(self.source("loaded.c"), "-ldl")
        self.run(program, ROUNDS, self.options.shared, self.options.cxx)
        self.run(program, ROUNDS, self.options.cxx, self.options.shared)
        # And in a program that is linked with both: it holds the C++ library from its start.
        held = ["-Wl,--no-as-needed", self.options.cxx.resolve()]
        self.run(self.compile(self.source("linked.c"), self.options.shared.resolve(), *held))
        self.run(self.compile(self.source("linked.c"), *held, self.options.shared.resolve()))
        self.run(self.compile(self.source("linked.c"), self.options.static, *held, *self.needed, *RUNTIME))
        self.run(self.compile(self.source("linked.c"), *held, self.options.static, *self.needed, *RUNTIME))

    def run_all(self):
        failed = False
        for case in (self.shared_linked, self.static_linked, self.wholly_static, self.beside_static_openssl, self.loaded,
                     self.loaded_beside_static_openssl, self.loaded_into_a_trap, self.beside_the_cxx_library):
            try:
                case()
                print(f"passed: {case.__doc__}")
            except Skipped as reason:
                print(f"passed over: {case.__doc__}: {reason}")
            except Failed as fault:
                failed = True
                print(f"FAILED: {case.__doc__}: {fault}")
        return 1 if failed else 0


def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--static", type=Path, required=True)
    parser.add_argument("--cxx", type=Path)
    parser.add_argument("--own-openssl", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        return Checker(options, Path(folder)).run_all()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
