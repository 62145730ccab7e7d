"""dkimpy's and pyspf's own test suites against the adapters. They are fetched from the package index into a folder of
the test's own; where the index is out of reach, that is said. A case that cannot pass is listed with the section of the
RFC that says otherwise."""

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

# RFC 6376, RFC 8301: what dkimpy's suite wants and the RFCs do not.
DKIMPY_EXCEPTIONS = {
    # Signs with d= that is no domain name.
    "test_dkim.TestSignAndVerify.test_invalid_domain_sign": "RFC 6376 section 3.5, d=: a domain-name",
    "test_dkim.TestSignAndVerify.test_badly_encoded_domain_fails": "RFC 6376 section 3.5, d=: A-labels",
    "test_dkim_ed25519.TestSignAndVerify.test_badly_encoded_domain_fails": "RFC 6376 section 3.5, d=: A-labels",
    # Signs with an RSA key of 512 bits.
    "test_dkim.TestSignAndVerify.test_dkim_signature_canonicalization": "RFC 8301 section 3.2: at least 1024 bits",
    # Signs Received.
    "test_dkim.TestSignAndVerify.test_extra_headers": "RFC 6376 section 5.4.1: Received should not be signed",
    "test_dkim_ed25519.TestSignAndVerify.test_extra_headers": "RFC 6376 section 5.4.1: Received should not be signed",
}

PYSPF_EXCEPTIONS = {
    # Want an "ambiguous", in a mode that warns.
    "testInvalidSPF (testspf.SPFTestCases.testInvalidSPF)": "RFC 7208 section 2.6: there is no such result",
    "default-modifier-harsh in test.yml": "RFC 7208 section 2.6: there is no such result",
    # Wants "default=" to be obeyed, in the lax mode.
    "default-modifier in test.yml": "RFC 7208 section 6: unrecognized modifiers MUST be ignored",
    # Compare the comment of Received-SPF word by word.
    "baddomain in test.yml": "RFC 7208 section 9.1: the comment is for people, its words are free",
    "tworecs in test.yml": "RFC 7208 section 9.1: the comment is for people, its words are free",
}


def fetch(requirement, folder):
    """The source package, unpacked; its folder."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
               "--disable-pip-version-check", "--retries", "1", "--timeout", "15",
               "--dest", str(folder), requirement]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    archives = list(folder.glob("*.tar.gz"))
    if not archives:
        pytest.skip(f"no source package of {requirement}: {done.stderr.strip().splitlines()[-1:] or ['pip is absent']}")
    with tarfile.open(archives[0]) as archive:
        # The index is trusted with code that runs; what lies outside the folder is refused where Python can.
        archive.extractall(folder / "source", **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return next((folder / "source").iterdir())


def failures(output):
    """The cases that unittest reports as failed or in error."""
    return set(re.findall(r"^(?:FAIL|ERROR): (.*)$", output, re.MULTILINE))


def run(arguments, folder, count):
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=300)
    ran = re.search(r"^Ran (\d+) tests", done.stderr, re.MULTILINE)
    assert ran, done.stdout[-2000:] + done.stderr[-4000:]
    assert int(ran.group(1)) >= count, done.stderr[-2000:]
    return done.stdout + done.stderr


def test_dkimpys_suites(tmp_path, monkeypatch):
    source = fetch("dkimpy==1.1.8", tmp_path)
    tests = tmp_path / "tests"
    shutil.copytree(source / "dkim" / "tests", tests)
    (tests / "dkim.py").write_text("import sys\nfrom sendconn.compat import dkim\nsys.modules['dkim'] = dkim\n")
    (tests / "__init__.py").unlink()
    suites = ["test_dkim", "test_dkim_ed25519", "test_dkim_rsavariants", "test_dkim_tlsrpt"]
    output = run(["-m", "unittest", *suites], tests, 55)
    failed = {re.sub(r"^(\w+) \((.*?)(?:\.\1)?\)$", r"\2.\1", case) for case in failures(output)}
    assert failed == set(DKIMPY_EXCEPTIONS), output[-6000:]


def test_pyspfs_suite(tmp_path):
    pytest.importorskip("yaml")
    source = fetch("pyspf==2.0.14", tmp_path)
    tests = source / "test"
    (tests / "spf.py").write_text("import sys\nfrom sendconn.compat import spf\nsys.modules['spf'] = spf\n")
    output = run([str(Path(__file__).with_name("run_testspf.py"))], tests, 300)
    failed = {re.sub(r"^(\w+) \(testspf.SPFTestCases\)$", r"\1 (testspf.SPFTestCases.\1)", case) for case in failures(output)}
    assert failed == set(PYSPF_EXCEPTIONS), output[-8000:]
