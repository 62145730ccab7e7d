"""The README's programs in C++ and C, built by the commands that it gives."""

import subprocess

from conftest import ROOT, blocks, need_library, run

README = (ROOT / "README.md").read_text(encoding="utf-8")


def build(folder, language: str, tree, compiler: str):
    (program,) = blocks(README, "cpp" if language == "c++" else language)
    (line,) = [line for block in blocks(README, "sh") for line in block.splitlines()
               if line.startswith("c++ " if language == "c++" else "cc ")]  # fmt: skip
    source, name = line.split("-o")[0].split()[-1], line.split("-o ")[1].split()[0]
    (folder / source).write_text(program)
    run("sh", "-ec", line.replace(line.split()[0], compiler, 1), cwd=folder, env=tree.environment())
    return folder / name


def test_the_cpp_program_prints_what_stands_below_it(tree, compiler, tmp_path):
    need_library(tree, "libsendconn.so")
    program = build(tmp_path, "c++", tree, compiler)
    assert run(program, env=tree.environment()) == blocks(README, "text")[0]


def test_the_c_program_signs(tree, tmp_path):
    need_library(tree, "libsendconn-c.so")
    program = build(tmp_path, "c", tree, "cc")
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "key.pem")
    signed = run(program, tmp_path / "key.pem", "example.org", "s2026", env=tree.environment())
    assert signed.startswith("DKIM-Signature: v=1; a=ed25519-sha256;") and signed.endswith("\nAre you hungry yet?\n")
    refused = subprocess.run([program, tmp_path / "none.pem", "example.org", "s2026"], capture_output=True, text=True,
                             env=tree.environment(), check=False)  # fmt: skip
    assert refused.returncode == 1 and "none.pem" in refused.stderr
