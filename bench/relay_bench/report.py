"""What the runs add up to: a table, ratios with their spread, and a verdict."""

import json
import os
import platform
import statistics
import time
from collections import defaultdict
from pathlib import Path

from harness import dkim_check

from .load import DOMAIN, Run, Shape

# The relay's own CPU for a 4 KB message, a bare signature subtracted, over that of smtp-source and smtp-sink.
CPU_BAR, CPU_AIM = 1.2, 0.8
SMALL_OCTETS = 10_000


class Records:
    """A few TXT records, for a verifier."""

    def __init__(self, texts: dict[str, str]):
        self._texts = texts

    def txt(self, name: str) -> list[bytes]:
        text = self._texts.get(name.rstrip(".").lower())
        return [text.encode()] if text else []


def must_verify(name: str, message: bytes, records: Records):
    if not dkim_check.is_signed_by(message, records, DOMAIN):
        raise SystemExit(f"{name}: a delivered message does not verify\n{message[:2000].decode(errors='replace')}")


def machine() -> str:
    """In general terms: what decides the figures, and nothing that names the machine."""
    flags = Path("/proc/cpuinfo").read_text()
    ifma = "with" if "avx512ifma" in flags else "without"
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cores} cores {ifma} AVX-512 IFMA, {memory:.0f} GB, Linux {platform.release().split('-')[0]}"


def syncs_a_second(folder: Path, seconds: float = 1.0) -> float:
    """How often one writer can append 4 KB and fdatasync."""
    path = folder / "sync-probe"
    count, piece = 0, b"x" * 4096
    with open(path, "wb", buffering=0) as file:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            file.write(piece)
            os.fdatasync(file.fileno())
            count += 1
    path.unlink()
    return count / seconds


class Figures:
    def __init__(self, contestants):
        self._bare: list[float] = []
        self._names = [contestant.name for contestant in contestants]
        self._runs: dict[Shape, dict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
        self._memory: dict[Shape, dict[str, int]] = defaultdict(dict)

    @property
    def signature_ms(self) -> float:
        """CPU time of one bare signature while all cores sign."""
        return 1000 * len(os.sched_getaffinity(0)) / self.bare

    def add_bare(self, signatures: float):
        self._bare.append(signatures)

    @property
    def bare(self) -> float:
        """Signatures a second on all cores: the median of those measured between the runs."""
        return statistics.median(self._bare)

    def add(self, contestant, shape: Shape, run: Run):
        self._runs[shape][contestant.name].append(run)

    def memory(self, contestant, shape: Shape, octets: int):
        self._memory[shape][contestant.name] = octets

    def _median(self, shape: Shape, name: str, value) -> float:
        return statistics.median(value(run) for run in self._runs[shape][name])

    def ratios(self, shape: Shape) -> list[float]:
        """sendconn's rate over Postfix's, for each repeat."""
        runs = self._runs[shape]
        if len(self._names) < 2:
            return []
        return [ours.rate / theirs.rate for ours, theirs in zip(runs["sendconn"], runs["Postfix"])]

    def cost_ratio(self, shape: Shape) -> float | None:
        """Postfix's CPU for a message over sendconn's, load included: what the ratio of the rates comes to where the
        processor is the limit, and hardly touched by what else runs on the machine."""
        if len(self._names) < 2:
            return None
        theirs, ours = (
            self._median(shape, name, lambda run: run.relay_ms + run.load_ms) for name in ("Postfix", "sendconn")
        )
        return theirs / ours

    def cpu_ratio(self, shape: Shape) -> float | None:
        """(The relay's CPU for a message - a bare signature) / the load's, as medians of sendconn's runs."""
        if "sendconn" not in self._names:
            return None
        own = self._median(shape, "sendconn", lambda run: run.relay_ms) - self.signature_ms
        return own / self._median(shape, "sendconn", lambda run: run.load_ms)

    def line(self, shape: Shape) -> str:
        parts = []
        for name in self._names:
            rates = sorted(run.rate for run in self._runs[shape][name])
            parts.append(f"{name} {statistics.median(rates):.0f}/s ({rates[0]:.0f} to {rates[-1]:.0f})")
        if found := self.ratios(shape):
            parts.append(f"ratio {statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})")
            parts.append(f"CPU ratio {self.cost_ratio(shape):.2f}")
        return f"{str(shape):26} " + ", ".join(parts)

    def table(self) -> str:
        """Markdown, as docs/performance.md has it."""
        rows = [
            "",
            "| mail | relay | messages/s | ratio (spread) | CPU ratio | relay CPU, ms | load CPU, ms | own CPU / load"
            " | memory, MB | of bare RSA |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        for shape in self._runs:
            found = self.ratios(shape)
            for name in self._names:
                ours = name == "sendconn"
                ratio = f"**{statistics.median(found):.2f}** ({min(found):.2f}–{max(found):.2f})" if ours and found else ""
                cost = f"{self.cost_ratio(shape):.2f}" if ours and found else ""
                rate = self._median(shape, name, lambda run: run.rate)
                rows.append(
                    f"| {shape} | {name} | {rate:.0f} | {ratio} | {cost} "
                    f"| {self._median(shape, name, lambda run: run.relay_ms):.2f} "
                    f"| {self._median(shape, name, lambda run: run.load_ms):.2f} "
                    f"| {f'{self.cpu_ratio(shape):.2f}' if ours else ''} "
                    f"| {self._memory[shape].get(name, 0) / 1e6:.0f} | {100 * rate / self.bare:.0f} % |"
                )
        rows.append("")
        rows.append(
            f"Medians of {max(len(runs) for by in self._runs.values() for runs in by.values())} runs; "
            f"bare OpenSSL: {self.bare:.0f} signatures a second on all cores, {self.signature_ms:.3f} ms each. "
            f"\"CPU ratio\": Postfix's CPU for a message over sendconn's, load included. \"own CPU / load\" is the relay's CPU for a message, "
            f"that signature subtracted, over smtp-source's and smtp-sink's (bar {CPU_BAR} at 4 KB, aim {CPU_AIM})."
        )
        return "\n".join(rows)

    def json(self) -> str:
        return json.dumps(
            {
                "bare_signatures": self.bare,
                "runs": [
                    {"shape": vars(shape), "relay": name, **vars(run)}
                    for shape, by in self._runs.items()
                    for name, runs in by.items()
                    for run in runs
                ],
                "memory": [
                    {"shape": vars(shape), **by} for shape, by in self._memory.items()
                ],
            },
            indent=1,
        )  # fmt: skip

    def verdict(self, required: float | None) -> int:
        """0 if every median ratio is at least what is required: R at 4 KB, R / 2 at 100 KB."""
        if required is None:
            return 0
        code = 0
        for shape in self._runs:
            wanted = required if shape.octets < SMALL_OCTETS else required / 2
            found = statistics.median(self.ratios(shape)) if self.ratios(shape) else 0.0
            print(f"{str(shape):26} ratio {found:.2f}, required {wanted:.2f}: {'met' if found >= wanted else 'MISSED'}")
            code = code if found >= wanted else 1
            if shape.octets < SMALL_OCTETS:
                cpu = self.cpu_ratio(shape)
                met = cpu is not None and cpu <= CPU_BAR
                print(f"{'':26} own CPU / load {cpu:.2f}, required {CPU_BAR}: {'met' if met else 'MISSED'}")
                code = code if met else 1
        return code
