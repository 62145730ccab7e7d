"""Where the relay's CPU goes, by stage, as perf samples it: each sample belongs to the first rule that fits its stack.

A stage is recognised by a function on the call stack or by the library the sample fell in; what no rule fits is "other"
and printed, so that the table always adds up to all of it.
"""

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

from . import load
from .load import Shape

# In this order; the expression is searched in "library:function" of every frame of the stack.
STAGES = [
    ("RSA signature", r"libcrypto.*(rsa|bn_|BN_|RSA|mont|x86_64_mul|ifma)|PrivateKey::sign"),
    ("TLS", r"libssl"),
    ("SPF, DKIM and digests", r"libcrypto.*(sha|SHA|EVP_Digest|EVP_MD)|sendconn::dkim|sendconn::crypto"),
    ("spool: SQLite and files", r"libsqlite|sendconn::relay::.*[Ss]pool|sqlite3|fdatasync|fsync|Committer"),
    ("log", r"spdlog|sendconn::relay::.*[Ll]og"),
    ("SMTP sessions", r"sendconn::smtp"),
    ("policy, limits, message", r"sendconn::(policy|limit|mail|route|message|header)|sendconn::(Splitter|Header)"),
    ("sockets (kernel)", r"tcp_|sock_|inet_|__x64_sys_(send|recv|read|write|accept|connect|close|epoll)"),
    ("event loop", r"asio::"),
    ("memory allocation", r":(malloc|free|_int_malloc|_int_free|operator new|operator delete)"),
    ("relay, the rest", r"sendconn::relay"),
    ("kernel, the rest", r"\[kernel"),
]


def missing() -> str:
    return "" if shutil.which("perf") else "perf is not installed (Debian: linux-perf)"


def stages(relay, folder: Path, shape: Shape, messages: int) -> str:
    """A table of shares, from one more run that is not measured otherwise."""
    if missing():
        return f"\nno profile: {missing()}"
    data = folder / "perf.data"
    recorder = subprocess.Popen(
        ["perf", "record", "-q", "-F", "999", "-g", "-p", str(relay.pid), "-o", data],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        load.measure(relay, folder, shape, messages)
    finally:
        recorder.terminate()
        said = recorder.communicate()[1]
    if not data.exists():
        return f"\nno profile: perf says: {said.strip()}"
    script = subprocess.run(
        ["perf", "script", "-i", data, "-F", "comm,ip,sym,dso"], capture_output=True, text=True, check=True
    ).stdout
    by_stage, others, threads = count(script)
    total = sum(by_stage.values()) or 1
    rows = [f"\nThe relay's CPU at {shape}, {total} samples:\n", "| stage | share |", "| --- | ---: |"]
    rows += [f"| {stage} | {100 * samples / total:.1f} % |" for stage, samples in by_stage.most_common()]
    rows.append("\nBy thread: " + ", ".join(f"{name} {100 * n / total:.0f} %" for name, n in threads.most_common()))
    if others:
        rows.append("Largest of the rest: " + ", ".join(f"{name} {n}" for name, n in others.most_common(8)))
    return "\n".join(rows)


def count(script: str):
    by_stage, others, threads = Counter(), Counter(), Counter()
    for sample in script.split("\n\n"):
        lines = sample.strip().splitlines()
        if len(lines) < 2:
            continue
        threads[lines[0].strip()] += 1
        frames = [frame_of(line) for line in lines[1:]]
        # The innermost frame that any rule knows decides; a rule earlier in the table wins within a frame.
        stage = next((name for frame in frames for name, rule in _RULES if rule.search(frame)), None)
        by_stage[stage or "other"] += 1
        if stage is None:
            others[frames[0]] += 1
    return by_stage, others, threads


def frame_of(line: str) -> str:
    """perf's "address function+offset (library)" as "library:function"."""
    found = re.match(r"\s*[0-9a-f]+\s+(.*?)(?:\+0x[0-9a-f]+)?\s+\((.*)\)\s*$", line)
    return f"{Path(found[2]).name if '[' not in found[2] else found[2]}:{found[1]}" if found else line.strip()


_RULES = [(name, re.compile(rule)) for name, rule in STAGES]
