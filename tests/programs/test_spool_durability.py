"""The spool against failing power and failing disks: what it reported as stored is there afterwards, octet for octet.

spool-tool (tests/relay/spool_tool.cpp) works through a random load under libspoolshim.so (tests/shim). The disk is then
rebuilt as it may look after a power failure at random moments, and a fresh spool-tool opens it.
"""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.relay import BUILD

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "shim"))
import powerloss  # noqa: E402

TOOL = BUILD / "tests" / "relay" / "spool-tool"
SHIM = BUILD / "tests" / "shim" / "libspoolshim.so"
PATIENCE = 60
LARGE = 60_000  # messages above it go to files of their own
# An end or a later try is reported once a kill cannot undo it (Spool::settle); the disk has it soon after.
UNDOABLE = 250_000_000  # nanoseconds
POINTS = int(os.environ.get("SENDCONN_POWER_FAILURES", "500"))

pytestmark = pytest.mark.skipif(not TOOL.exists() or not SHIM.exists(), reason="spool-tool or spoolshim is not built")


class SpoolTool:
    """A running spool-tool; notes when each of its answers came."""

    def __init__(self, folder, *options, shim=None):
        self.process = subprocess.Popen(
            [TOOL, folder, "--large", str(LARGE), "--min-free", "0", *options], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
            env=shim.environment() if shim else None)
        self.answers = []  # (time.monotonic_ns(), words)
        self.came = threading.Condition()
        self.ended = False
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            moment = time.monotonic_ns()
            with self.came:
                self.answers.append((moment, line.split()))
                self.came.notify_all()
        with self.came:
            self.ended = True
            self.came.notify_all()

    def say(self, *lines):
        try:
            self.process.stdin.write("".join(line + "\n" for line in lines))
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def wait_for(self, wanted, start=0):
        """The first answer from number `start` on that `wanted` accepts, or None if the tool ended first."""
        def found():
            return next((words for _, words in self.answers[start:] if wanted(words)), None)
        with self.came:
            assert self.came.wait_for(lambda: found() or self.ended, PATIENCE), self.answers[-5:]
            return found()

    def ask(self, line, last):
        """The answers to a command whose last answer begins with `last`."""
        start = len(self.answers)
        self.say(line)
        self.wait_for(lambda words: words[0] == last or words[:2] == ["cannot", "load:"], start)
        return [words for _, words in self.answers[start:]]

    def stop(self, kill=False):
        if kill:
            self.process.kill()
        else:
            self.say("quit")
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait(PATIENCE)
        self.reader.join()
        self.process.stdout.close()
        errors = self.process.stderr.read()
        self.process.stderr.close()
        return errors


class Ledger:
    """What the tool said and was told, with the times: what must be there after a power failure, and what must not."""

    def __init__(self):
        self.stored = {}  # id -> (time, size)
        self.asked_to_settle = {}  # id -> time before the command was given
        self.settled = {}  # id -> time
        self.deferred = {}  # id -> [(time, attempts)]
        self.refused = 0

    def take(self, answers):
        for moment, words in answers:
            if words[0] == "stored":
                self.stored[words[1]] = moment, int(words[2])
            elif words[0] == "settled" and words[1] in self.asked_to_settle:
                self.settled[words[1]] = moment
            elif words[0] == "refused":
                self.refused += 1

    def faults_of(self, found, moment):
        """What is wrong with the messages found, {id: (size, attempts)}, if the power failed at `moment`."""
        wrong = []
        for name, (when, size) in self.stored.items():
            if when >= moment or self.asked_to_settle.get(name, moment) < moment:
                continue
            if name not in found:
                wrong.append(f"{name} was stored and is lost")
            elif found[name][0] != size:
                wrong.append(f"{name} has another size")
        certain = moment - UNDOABLE
        wrong += [f"{name} was settled and is back" for name, when in self.settled.items()
                  if when < certain and name in found]
        for name, tries in self.deferred.items():
            known = [attempts for when, attempts in tries if when < certain]
            if known and name in found and found[name][1] < known[-1]:
                wrong.append(f"{name} lost its attempts")
        return wrong


def work(tool, ledger, chance, rounds, sizes):
    """A random life: stores of all sizes, ends and later tries of what is stored, several at a time."""
    live = []
    for tries in range(1, rounds + 1):  # attempts only ever grow
        seen = len(tool.answers)
        tool.say(*(f"store {chance.choice(sizes)}" for _ in range(chance.randint(1, 12))))
        now = time.monotonic_ns()
        for name in chance.sample(live, min(len(live), chance.randint(0, 10))):
            live.remove(name)
            ledger.asked_to_settle[name] = now
            tool.say(f"settle {name}")
        later = {name: tries for name in chance.sample(live, min(len(live), chance.randint(0, 2)))}
        tool.say(*(f"defer {name} {attempts}" for name, attempts in later.items()))
        if tool.ask("wait", "idle") and tool.ended:
            break
        with tool.came:
            answers = tool.answers[seen:]
        ledger.take(answers)
        live += [words[1] for _, words in answers if words[0] == "stored"]
        for name, attempts in later.items():
            when = next((moment for moment, words in answers if words == ["settled", name]), None)
            if when is not None:
                ledger.deferred.setdefault(name, []).append((when, attempts))
    return live


def inspect(folder, *, deep=True):
    """Opens the spool and gives {id: (size, attempts)}, and what is wrong with it."""
    tool = SpoolTool(folder)
    wrong = []
    found = {}
    try:
        opened = tool.wait_for(lambda words: True)
        if opened != ["open"]:
            return {}, [" ".join(opened or ["it ended without a word"])]
        listed = tool.ask("load", "end")
        if listed[-1] != ["end"]:
            return {}, [" ".join(listed[-1])]
        found = {words[1]: (int(words[2]), int(words[4])) for words in listed if words[0] == "loaded"}
        if deep:
            start = len(tool.answers)
            tool.say(*(f"check {name}" for name in found))
            tool.ask("wait", "idle")
            checked = [words for _, words in tool.answers[start:] if words[0] in ("intact", "damaged")]
            wrong += [" ".join(words) for words in checked if words[0] == "damaged"]
            if len(checked) != len(found):
                wrong.append("it ended while messages were checked")
        stored = tool.ask("store 1000", "stored")
        if not any(words[0] == "stored" for words in stored):
            wrong.append("it takes no new message")
    finally:
        errors = tool.stop()
        if tool.process.returncode not in (0, 1):
            wrong.append(f"exit code {tool.process.returncode}: {errors}")
    return found, wrong


def fail_at_random_moments(shim, ledger, count, chance, scratch):
    """[(place, what is wrong)] for each of `count` power failures that lost something."""
    records = shim.records()
    disk = powerloss.Disk(shim.root)
    applied = 0
    losses = []
    for place in powerloss.points(records, count, chance):
        for record in records[applied:place]:
            disk.apply(record)
        applied = place
        target = powerloss.fresh(scratch / "rebuilt")
        disk.rebuild(target, chance)
        found, wrong = inspect(target / "spool")
        wrong += ledger.faults_of(found, powerloss.moment_after(records, place))
        if wrong:
            losses.append((str(records[place - 1]) if place else "the beginning", wrong[:4]))
    return losses


@pytest.fixture
def shim(folder):
    (folder / "root").mkdir()
    return powerloss.Shim(SHIM, folder / "root", folder)


SMALL = [200, 900, 3000, 4000, 4096, 9000]
MIXED = [300, 2000, 4000, 20_000, 59_000, 61_000, 150_000, 700_000]


@pytest.mark.parametrize("name, sizes, rounds, share", [("small", SMALL, 60, 0.6), ("mixed", MIXED, 40, 0.3),
                                                         ("checkpoints", [50_000, 59_000], 80, 0.1)])
def test_nothing_that_was_stored_is_lost_when_the_power_fails(shim, folder, name, sizes, rounds, share):
    chance = random.Random(f"power {name}")
    ledger = Ledger()
    tool = SpoolTool(shim.root / "spool", "--threads", "6", shim=shim)
    work(tool, ledger, chance, rounds, sizes)
    tool.stop(kill=chance.random() < 0.5)
    assert len(ledger.stored) > rounds and len(ledger.settled) > rounds and ledger.deferred
    assert ledger.refused == 0
    losses = fail_at_random_moments(shim, ledger, max(1, int(POINTS * share)), chance, folder)
    assert not losses, "\n".join(map(str, losses))


def test_without_sync_the_same_power_failures_lose_mail(shim, folder):
    """The test's own proof: it sees a loss where there is one."""
    chance = random.Random("power small")
    ledger = Ledger()
    tool = SpoolTool(shim.root / "spool", "--threads", "6", "--no-sync", shim=shim)
    work(tool, ledger, chance, 60, SMALL)
    tool.stop()
    losses = fail_at_random_moments(shim, ledger, 40, chance, folder)
    print(f"sync = false: {len(losses)} of 40 power failures lost mail, such as: {losses[0] if losses else ''}")
    assert len(losses) > 10


def test_a_second_life_after_a_power_failure_keeps_its_promises_too(shim, folder):
    chance = random.Random("second life")
    for trial in range(4):
        scratch = folder / f"trial {trial}"
        first = powerloss.Shim(SHIM, scratch / "first", scratch)
        first.root.mkdir(parents=True)
        ledger = Ledger()
        tool = SpoolTool(first.root / "spool", "--threads", "4", shim=first)
        work(tool, ledger, chance, 15, SMALL)
        tool.stop(kill=True)
        records = first.records()
        place = chance.randint(len(records) // 2, len(records))
        disk = powerloss.Disk(first.root)
        for record in records[:place]:
            disk.apply(record)
        root = scratch / "second"
        disk.rebuild(root, chance)
        disk.rebuild(scratch / "base", random.Random(0), 0.0)
        subprocess.run(["cp", "-a", root, scratch / "start"], check=True)
        found, wrong = inspect(scratch / "start" / "spool")
        assert wrong + ledger.faults_of(found, powerloss.moment_after(records, place)) == []
        subprocess.run(["cp", "-a", root, scratch / "before"], check=True)
        second = powerloss.Shim(SHIM, root, powerloss.fresh(scratch / "log2"))
        (scratch / "log2").mkdir()
        again = Ledger()
        tool = SpoolTool(root / "spool", "--threads", "4", shim=second)
        work(tool, again, chance, 15, SMALL)
        tool.stop(kill=True)
        kept = {name: size for name, (size, _) in found.items()}
        disk = powerloss.Disk(root, scratch / "before")
        for record in second.records():
            disk.apply(record)
        for seed in range(10):
            target = powerloss.fresh(scratch / "rebuilt")
            disk.rebuild(target, random.Random(seed))
            now, wrong = inspect(target / "spool")
            assert wrong + again.faults_of(now, time.monotonic_ns()) == []
            assert kept.keys() <= now.keys(), "the survivors of the first failure survive the second"


# Codes of sendconn::Errc that a refused store may have.
NO_ROOM, DISK_FAILED = "3", "8"


class ShortLife:
    """A few of everything, one call after the other, so that a call's number names it."""

    def __init__(self, shim, ledger):
        self.ledger = ledger
        self.tool = SpoolTool(shim.root / "spool", shim=shim)
        self.refusals = []  # words
        first = self.tool.wait_for(lambda words: True)
        self.opened = first == ["open"]
        self.sentence = " ".join(first or [])
        if not self.opened:
            return
        stored = [self.store(size) for size in (500, 5000, 70_000, 900)]
        if stored[0]:
            self._told(f"settle {stored[0]}")
        if stored[1]:
            self._told(f"defer {stored[1]} 3")
        if stored[2]:
            self._told(f"settle {stored[2]}")
        self.store(700)

    def store(self, size):
        """The id, or None if the message was refused or the tool ended."""
        start = len(self.tool.answers)
        self.tool.say(f"store {size}")
        words = self.tool.wait_for(lambda words: words[0] in ("stored", "refused"), start)
        self.ledger.take(self.tool.answers[start:])
        if words is not None and words[0] == "refused":
            self.refusals.append(words)
        return words[1] if words is not None and words[0] == "stored" else None

    def _told(self, line):
        start = len(self.tool.answers)
        name = line.split()[1]
        if line.startswith("settle"):
            self.ledger.asked_to_settle[name] = time.monotonic_ns()
        self.tool.say(line)
        words = self.tool.wait_for(lambda words: words[0] in ("settled", "failed"), start)
        if words is not None and words[0] == "settled":
            moment = self.tool.answers[-1][0]
            if line.startswith("settle"):
                self.ledger.settled[name] = moment
            else:
                self.ledger.deferred[name] = [(moment, int(line.split()[2]))]


def draw(shim, scratch, ledger, survivals):
    """What is wrong after power failures now."""
    disk = shim.disk()
    wrong = []
    for seed, survival in enumerate(survivals):
        target = powerloss.fresh(scratch / "rebuilt")
        disk.rebuild(target, random.Random(seed), survival)
        found, faults = inspect(target / "spool")
        wrong += [f"after a power failure: {fault}" for fault in faults + ledger.faults_of(found, time.monotonic_ns())]
    return wrong


def check_after(shim, scratch, ledger, label):
    """The power may fail now; if not, the spool opens without faults, has what was stored, works; and then it fails."""
    wrong = draw(shim, scratch, ledger, (0.0,))
    copy = powerloss.fresh(scratch / "copy")
    subprocess.run(["cp", "-a", shim.root, copy], check=True)
    found, faults = inspect(copy / "spool")
    wrong += faults + ledger.faults_of(found, time.monotonic_ns())
    second = SpoolTool(shim.root / "spool", shim=shim)
    if second.wait_for(lambda words: True) == ["open"]:
        for size in (800, 65_000):
            start = len(second.answers)
            second.say(f"store {size}")
            if second.wait_for(lambda words: words[0] in ("stored", "refused"), start)[0] != "stored":
                wrong.append("a new start takes no message")
        ledger.take(second.answers)
    else:
        wrong.append("it does not open again")
    second.stop(kill=True)
    wrong += draw(shim, scratch, ledger, (0.0, None))
    return [f"{label}: {one}" for one in wrong[:3]]


@pytest.mark.parametrize("call, error", [
    ("write", "ENOSPC"), ("write", "EIO"), ("write", "SHORT"), ("sync", "EIO"), ("truncate", "EIO"), ("open", "ENOSPC"),
    ("open", "EIO"), ("allocate", "ENOSPC"), ("mkdir", "ENOSPC"), ("unlink", "EIO")])
def test_every_call_may_fail_in_turn(folder, call, error):
    wrong = []
    for number in range(1, 1000):
        scratch = folder / str(number)
        (scratch / "root").mkdir(parents=True)
        shim = powerloss.Shim(SHIM, scratch / "root", scratch)
        shim.set_faults(f"{call} {error} {number}")
        ledger = Ledger()
        life = ShortLife(shim, ledger)
        hit = next((record for record in shim.records() if record.op == powerloss.FAULT), None)
        label = f"{call} {error} {number} ({Path(hit.path).name if hit else 'not reached'})"
        shim.set_faults()
        if hit and life.opened and error in ("ENOSPC", "SHORT") and life.store(600) is None:
            wrong.append(f"{label}: a full disk that has room again must do: {life.refusals[-1]}")
        life.tool.stop()
        if life.tool.process.returncode not in (0, 1):
            wrong.append(f"{label}: exit code {life.tool.process.returncode}")
        if not life.opened and len(life.sentence) < 30:
            wrong.append(f"{label}: did not open, and said: {life.sentence}")
        for words in life.refusals:
            if words[1] != (NO_ROOM if error == "ENOSPC" else DISK_FAILED):
                wrong.append(f"{label}: {words}")
        if error == "SHORT" and life.refusals:
            wrong.append(f"{label}: a short write is no failure: {life.refusals[0]}")
        wrong += check_after(shim, scratch, ledger, label)
        powerloss.fresh(scratch)
        if hit is None:
            break
    print(f"{call} {error}: {number - 1} places")
    assert not wrong, "\n".join(wrong)


def test_the_process_may_be_killed_at_every_call(folder):
    wrong = []
    for number in range(1, 1000):
        scratch = folder / str(number)
        (scratch / "root").mkdir(parents=True)
        shim = powerloss.Shim(SHIM, scratch / "root", scratch)
        shim.set_faults(f"any KILL {number}")
        ledger = Ledger()
        life = ShortLife(shim, ledger)
        life.tool.stop()
        shim.set_faults()
        wrong += check_after(shim, scratch, ledger, f"killed at call {number}")
        powerloss.fresh(scratch)
        if life.tool.process.returncode == 0:
            break
    print(f"killed at {number - 1} places")
    assert number > 30
    assert not wrong, "\n".join(wrong)


def test_a_full_disk_refuses_and_recovers_by_itself(shim, folder):
    ledger = Ledger()
    life = ShortLife(shim, ledger)
    shim.set_faults("write ENOSPC 1 *", "allocate ENOSPC 1 *", "open ENOSPC 1 *")
    assert [life.store(size) for size in (500, 70_000, 5000)] == [None] * 3
    assert [words[1] for words in life.refusals] == [NO_ROOM] * 3
    shim.set_faults()
    assert all(life.store(size) for size in (500, 70_000, 5000))
    life.tool.stop()
    assert check_after(shim, folder, ledger, "full disk") == []
