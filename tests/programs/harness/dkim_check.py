"""DKIM verifiers that are not ours, fed with records instead of the DNS: dkimpy here, OpenDKIM in opendkim.py."""

import logging
import re

import dkim


def verdicts(message: bytes, zone) -> list[tuple[str, bool]]:
    """For each signature, from the top: its domain and algorithm, and whether dkimpy accepts it.

    `zone` is a ZoneFile, or anything with txt(name) -> list of octets."""

    def lookup(name, timeout=5):
        found = zone.txt(name.decode() if isinstance(name, bytes) else name)
        return found[0] if found else None

    quiet = logging.getLogger("dkim-check")
    quiet.setLevel(logging.CRITICAL)
    head = re.sub(rb"\r\n[ \t]+", b" ", message.partition(b"\r\n\r\n")[0])
    signatures = [line for line in head.split(b"\r\n") if line.lower().startswith(b"dkim-signature:")]
    found = []
    for index, signature in enumerate(signatures):
        domain = re.search(rb"[;\s]d=\s*([^;\s]+)", signature)[1].decode()
        algorithm = re.search(rb"[;\s:]a=\s*([^;\s]+)", signature)[1].decode()
        verifier = dkim.DKIM(message, logger=quiet)
        try:
            good = verifier.verify(idx=index, dnsfunc=lookup)
        except dkim.DKIMException:
            good = False
        found.append((f"{domain} {algorithm}", bool(good)))
    return found


def is_signed_by(message: bytes, zone, domain: str) -> bool:
    """At least one signature of the domain, and every one of them good."""
    own = [good for what, good in verdicts(message, zone) if what.startswith(f"{domain} ")]
    return bool(own) and all(own)
