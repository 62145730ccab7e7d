#!/usr/bin/env python3
"""Compiles lib/, the parts with OpenSSL and sockets aside, for Windows: it is to run inside desktop applications.

Each public header is compiled too, alone: whoever includes one needs no other before it.

    check_mingw.py [ROOT]

Exits with 77 (skipped) where there is no MinGW compiler.
"""

import concurrent.futures
import pathlib
import shutil
import subprocess
import sys
import tempfile

COMPILERS = ["x86_64-w64-mingw32-g++-posix", "x86_64-w64-mingw32-g++"]
FLAGS = ["-std=c++20", "-O1", "-Wall", "-Wextra", "-Werror"]
OTHER_WORLD = {"crypto", "tls", "io", "mailer", "spf2"}
JOBS = 2


def main(arguments):
    root = pathlib.Path(arguments[1] if len(arguments) > 1 else pathlib.Path(__file__).parents[2])
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        print(f"skipped: none of {', '.join(COMPILERS)} is installed (package g++-mingw-w64-x86-64-posix)")
        return 77
    cache = [shutil.which("ccache")] if shutil.which("ccache") else []
    sources = [path for path in sorted((root / "lib").rglob("*.cpp"))
               if path.relative_to(root).parts[1] not in OTHER_WORLD]
    if not sources:
        print(f"no sources under {root / 'lib'}", file=sys.stderr)
        return 2

    with tempfile.TemporaryDirectory() as folder:
        for header in sorted((root / "include/sendconn").glob("*.hpp")):
            alone = pathlib.Path(folder) / f"{header.stem}_alone.cpp"
            alone.write_text(f"#include <sendconn/{header.name}>\n", encoding="utf-8")
            sources.append(alone)

        def compile_one(numbered):
            number, source = numbered
            command = [*cache, compiler, *FLAGS, "-I", str(root / "include"), "-I", str(root), "-c", str(source),
                       "-o", str(pathlib.Path(folder) / f"{number}.o")]
            return source, subprocess.run(command, capture_output=True, text=True, check=False)

        failed = 0
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            for source, result in pool.map(compile_one, enumerate(sources)):
                if result.returncode != 0:
                    failed += 1
                    print(f"{source}:\n{result.stderr}")
    print(f"{len(sources) - failed} of {len(sources)} sources compile with {pathlib.Path(compiler).name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
