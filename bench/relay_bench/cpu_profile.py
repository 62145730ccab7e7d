"""Where the relay's CPU goes, by stage, as perf samples it.

A stage is recognised by a function on the call stack; what no rule fits is "other" and printed, so that the table always
adds up to all of it.
"""

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

from . import load
from .load import Shape

# The innermost frame that any of these rules knows decides; the expression is searched in "library:function".
STAGES = [
    ("RSA signature, and digests of bodies", r"PrivateKey::(sign|Impl)|libcrypto.*(rsa_|RSA_|bn_|BN_|ossl_rsaz)"),
    ("TLS", r"libssl|sendconn::tls"),
    ("DKIM and digests", r"sendconn::dkim|crypto::(Digest|Sha|Hmac)|libcrypto.*(sha256|SHA256|EVP_Digest)"),
    ("spool", r"libsqlite|sqlite3|f(data)?sync|Ledger|Spool|sendconn::relay::.*[Ss]pool"),
    ("log", r"spdlog|relay::Log|relay::log"),
    ("TCP connect, accept, close", r"sys_(connect|accept4?|close|shutdown|socket|setsockopt|getsockname|getpeername)$"),
    ("TCP send", r"sys_(send|sendto|sendmsg|write|writev)$"),
    ("TCP receive", r"sys_(recv|recvfrom|recvmsg|read|readv)$"),
    ("waiting and waking", r"sys_(epoll_\w+|futex|poll|ppoll|timerfd_\w+|eventfd\w*)$"),
    ("SMTP sessions", r"sendconn::smtp"),
    ("policy, limits, message", r"sendconn::(policy|limit|route|mail|message|Address|Domain|Header|Splitter)"),
    ("memory allocation", r"libc.*:(malloc|free|cfree|realloc|calloc|_int_malloc|_int_free|malloc_consolidate|unlink_chunk)"),
]
# Where no frame of the stack says more.
REST = [
    # Its assembler has neither symbols nor frames in Debian's package.
    ("RSA signature, and digests of bodies", r"libcrypto.*unknown"),
    ("event loop", r"asio::"),
    ("relay, the rest", r"sendconn::"),
    ("kernel, the rest", r"kernel"),
]


def missing() -> str:
    return "" if shutil.which("perf") else "perf is not installed (Debian: linux-perf)"


def stages(relay, folder: Path, shape: Shape, messages: int) -> str:
    """A table of shares, from one more run that is not measured otherwise."""
    if missing():
        return f"\nno profile: {missing()}"
    data = folder / "perf.data"
    recorder = subprocess.Popen(
        ["perf", "record", "-q", "-F", "499", "--call-graph", "dwarf,4096", "-p", str(relay.pid), "-o", data],
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
        ["perf", "script", "--no-inline", "-i", data, "-F", "comm,ip,sym,dso"], capture_output=True, text=True, check=True
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
        stage = stage_of(frames, _STAGES) or stage_of(frames, _REST)
        by_stage[stage or "other"] += 1
        if stage is None:
            others[frames[0]] += 1
    return by_stage, others, threads


def stage_of(frames: list[str], rules) -> str | None:
    return next((name for frame in frames for name, rule in rules if rule.search(frame)), None)


def frame_of(line: str) -> str:
    """perf's "address function+offset (library)" as "library:function"."""
    found = re.match(r"\s*[0-9a-f]+\s+(.*?)(?:\+0x[0-9a-f]+)?\s+\((.*)\)\s*$", line)
    return f"{Path(found[2]).name if '[' not in found[2] else found[2]}:{found[1]}" if found else line.strip()


_STAGES = [(name, re.compile(rule)) for name, rule in STAGES]
_REST = [(name, re.compile(rule)) for name, rule in REST]
