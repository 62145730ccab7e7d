"""What a folder may look like after the power failed, from the log that libspoolshim.so wrote (spoolshim.cpp).

    disk = Disk(root)                      # or Disk(root, base=copy_of_the_folder_as_it_was_before)
    for record in read_log(log):
        disk.apply(record)
    disk.rebuild(target, random.Random(1))

The model is the promise of POSIX and no more:

- A file's octets and size are certain up to its last successful fsync or fdatasync, as far as they were written before
  that call began. Of what was written later, any blocks may have reached the disk, in any order, a block perhaps in part.
- After a sync of a file that failed, what it should have made durable may be lost for good: the kernel has marked the
  pages clean, and no later sync brings them back. Of a folder, a later sync is as good: names are journalled. A program
  that has the kernel forget those pages (POSIX_FADV_DONTNEED) learns what the disk has; here it finds its data, so they
  are certain then. (That it finds them lost is the world in which the power fails at that place.)
- A name (of a new, renamed, linked or removed file or folder) is certain only after a sync of the folder it stands in.
  Of later changes any may have reached the disk; a rename is atomic: the file is at one of its names at least.

rebuild() draws one such state. Which draws are extreme (nothing unsynced survives, everything does) is for the random
source as well, so a few hundred seeds visit both ends and the middle.
"""

import os
import random
import shutil
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, NamedTuple, Optional

(OPEN, CREATE, WRITE, TRUNCATE, ALLOCATE, SYNC_BEGIN, SYNC_END, RENAME, UNLINK, LINK, MKDIR, RMDIR, FAULT,
 UNSUPPORTED, DROP) = range(1, 16)
NAMES = ("", "open", "create", "write", "truncate", "allocate", "sync-begin", "sync-end", "rename", "unlink", "link",
         "mkdir", "rmdir", "fault", "unsupported", "drop")
HEADER = struct.Struct("<4sIQQQqIIIIQ")

SECTOR = 512  # what a disk writes whole
PAGE = 4096  # what the kernel writes out together


class LogError(Exception):
    """The log does not tell everything that happened, so no conclusion from it would be sound."""


class Record(NamedTuple):
    sequence: int
    op: int
    time: int  # CLOCK_MONOTONIC in nanoseconds, before the change (time.monotonic_ns())
    pid: int
    inode: int
    offset: int
    error: int
    path: str
    path2: str
    data: bytes

    def __str__(self):
        return (f"#{self.sequence} {NAMES[self.op]} {self.path} {self.path2} offset {self.offset}"
                f" size {len(self.data)} error {self.error}")


def read_log(path) -> Iterator[Record]:
    """The records in their order. A torn last one, of a killed process, is left out: it was logged after nothing that
    the process could act on."""
    with open(path, "rb") as log:
        while True:
            head = log.read(HEADER.size)
            if len(head) < HEADER.size:
                return
            (magic, op, sequence, moment, inode, offset, pid, error, size, size2, data_size) = HEADER.unpack(head)
            if magic != b"SPS1":
                raise LogError(f"{path}: no record at offset {log.tell() - HEADER.size}")
            rest = log.read(size + size2 + data_size)
            if len(rest) < size + size2 + data_size:
                return
            record = Record(sequence, op, moment, pid, inode, offset, error, os.fsdecode(rest[:size]),
                            os.fsdecode(rest[size:size + size2]), rest[size + size2:])
            if op == UNSUPPORTED:
                raise LogError(f"{record.path}: {record.path2}; such changes are not logged")
            yield record


@dataclass
class Change:
    """Something done to a file or folder, and what is known of its way to the disk."""

    moment: int  # its place in the log
    certain: bool = False  # a sync covered it
    doomed: bool = False  # a sync that should have covered it failed


@dataclass
class FileChange(Change):
    kind: int = WRITE
    offset: int = 0
    data: bytes = b""


@dataclass
class NameChange(Change):
    name: str = ""
    target: Optional[object] = None  # a File or Folder; None: the name goes
    other: Optional["NameChange"] = None  # of a rename: the half that takes the name away, or gives it


class Item:
    """A file or folder: what is certain, and the changes since, oldest first."""

    def __init__(self, mode, durable):
        self.mode = mode
        self.durable = durable
        self.pending = []

    def synced(self, moment):
        for change in self.pending:
            if change.moment < moment and not change.doomed:
                change.certain = True
        # Those behind a doomed one stay in the list, since the doomed one may come, or not, before them.
        while self.pending and self.pending[0].certain:
            self.replay(self.durable, self.pending.pop(0))

    def sync_failed(self, moment):
        pass


class File(Item):
    def __init__(self, mode=0o600, octets=b""):
        super().__init__(mode, bytearray(octets))

    @staticmethod
    def replay(octets, change):
        offset, data = change.offset, change.data
        if change.kind == WRITE:
            if data:
                octets.extend(bytes(max(0, offset - len(octets))))
                octets[offset:offset + len(data)] = data
            return
        if change.kind == TRUNCATE:
            del octets[offset:]
        octets.extend(bytes(max(0, offset - len(octets))))

    def sync_failed(self, moment):
        for change in self.pending:
            if change.moment < moment and not change.certain:
                change.doomed = True

    def dropped(self):
        """The kernel forgot the clean pages; those that wait to be written stay."""
        for change in self.pending:
            change.certain = change.certain or change.doomed
        self.synced(0)

    def live(self):
        octets = bytearray(self.durable)
        for change in self.pending:
            self.replay(octets, change)
        return bytes(octets)

    def crashed(self, chance: random.Random, survival: float):
        octets = bytearray(self.durable)
        uncertain = False
        for change in self.pending:
            if change.certain:
                self.replay(octets, change)
                continue
            uncertain = True
            for part in _parts(change, chance) if change.kind == WRITE else (change,):
                if chance.random() >= survival:
                    continue
                if survival < 1 and part.kind == WRITE and chance.random() < 0.1:  # torn inside a block
                    part.data = part.data[:chance.randint(0, len(part.data))]
                self.replay(octets, part)
        # The size is metadata of its own: it may have come without the data, which then reads as zeros.
        if uncertain and chance.random() < survival / 4:
            octets.extend(bytes(max(0, len(self.live()) - len(octets))))
        return bytes(octets)


def _parts(write: FileChange, chance: random.Random):
    """The blocks that a write falls into."""
    grain = chance.choice((SECTOR, PAGE))
    begin = write.offset
    end = write.offset + len(write.data)
    while begin < end:
        stop = min(end, (begin // grain + 1) * grain)
        yield FileChange(write.moment, kind=WRITE, offset=begin,
                         data=write.data[begin - write.offset:stop - write.offset])
        begin = stop


class Folder(Item):
    def __init__(self, mode=0o700):
        super().__init__(mode, {})
        self.live = {}

    @staticmethod
    def replay(names, change):
        if change.target is None:
            names.pop(change.name, None)
        else:
            names[change.name] = change.target

    def change(self, moment, name, target):
        made = NameChange(moment, name=name, target=target)
        self.replay(self.live, made)
        self.pending.append(made)
        return made


class Disk:
    """The folder `root` as the log tells of it."""

    def __init__(self, root, base=None):
        self.root_path = os.path.realpath(root)
        self.root = Folder()
        self.by_inode = {}
        self.running_syncs = {}
        self.moment = 0  # records applied
        self.syncs = 0  # successful ones
        self.faults = []
        if base is not None:
            _load(self.root, Path(base))

    def apply(self, record: Record):
        op = record.op
        self.moment += 1
        if op == OPEN:
            self._object(record)
        elif op == CREATE:
            folder, name = self._place(record.path)
            self.by_inode[record.inode] = made = File(mode=record.offset)
            folder.change(self.moment, name, made)
        elif op == MKDIR:
            self.by_inode[record.inode] = made = Folder(mode=record.offset)
            if record.path == self.root_path:
                self.root = made  # its own name stands in a folder that is not watched, and is taken as certain
            else:
                folder, name = self._place(record.path)
                folder.change(self.moment, name, made)
        elif op in (WRITE, TRUNCATE, ALLOCATE):
            change = FileChange(self.moment, kind=op, offset=record.offset, data=record.data)
            self._object(record).pending.append(change)
        elif op == SYNC_BEGIN:
            self.running_syncs[record.pid, record.sequence] = self._object(record), self.moment
        elif op == SYNC_END:
            target, begin = self.running_syncs.pop((record.pid, record.offset))
            if record.error:
                target.sync_failed(begin)
            else:
                target.synced(begin)
                self.syncs += 1
        elif op == DROP:
            self._object(record).dropped()
        elif op == RENAME:
            old_folder, old_name = self._place(record.path)
            new_folder, new_name = self._place(record.path2)
            moved = old_folder.live[old_name]
            gone = old_folder.change(self.moment, old_name, None)
            come = new_folder.change(self.moment, new_name, moved)
            gone.other, come.other = come, gone
        elif op == LINK:
            folder, name = self._place(record.path)
            folder.change(self.moment, name, self._object(record))
        elif op in (UNLINK, RMDIR):
            folder, name = self._place(record.path)
            folder.change(self.moment, name, None)
        elif op == FAULT:
            self.faults.append(record)

    def _place(self, path):
        parts = os.path.relpath(path, self.root_path).split(os.sep)
        folder = self.root
        for part in parts[:-1]:
            folder = folder.live[part]
        return folder, parts[-1]

    def _object(self, record):
        known = self.by_inode.get(record.inode)
        if known is None:
            if record.path == self.root_path:
                known = self.root
            else:
                folder, name = self._place(record.path)
                known = folder.live.get(name)
            if known is None:
                raise LogError(f"{record}: this file came about unseen")
            self.by_inode[record.inode] = known
        return known

    def write_live(self, target):
        """The folder as a running system sees it: everything written, synced or not."""
        _store(Path(target), self.root.mode, _live_tree(self.root))

    def rebuild(self, target, chance: random.Random, survival: Optional[float] = None):
        """Draws a state after a power failure now and writes it to the new folder `target`. `survival`: how likely an
        unsynced change reached the disk; by default drawn, 0 and 1 among the draws."""
        if survival is None:
            survival = chance.choice((0.0, 1.0, chance.random(), chance.random()))
        fates = {}  # of changes of names; the halves of a rename have one

        def survives(change):
            half = change.other
            if change.certain:
                return True
            if half is not None and half.certain and change.target is not None:
                return True  # its old name is gone for certain: the file must not be lost between its names
            key = id(change) if half is None else min(id(change), id(half))
            if key not in fates:
                fates[key] = chance.random() < survival
            return fates[key]

        files = {}  # a file with two names has one content

        def tree(folder):
            names = dict(folder.durable)
            for change in folder.pending:
                if survives(change):
                    Folder.replay(names, change)
            made = {}
            for name, item in names.items():
                if isinstance(item, Folder):
                    made[name] = (item.mode, tree(item))
                else:
                    if id(item) not in files:
                        files[id(item)] = item.crashed(chance, survival)
                    made[name] = (item.mode, files[id(item)])
            return made

        _store(Path(target), self.root.mode, tree(self.root))


def _load(folder, path):
    for entry in sorted(path.iterdir()):
        if entry.is_dir():
            made = Folder(mode=entry.stat().st_mode & 0o7777)
            _load(made, entry)
        elif entry.is_file():
            made = File(entry.stat().st_mode & 0o7777, entry.read_bytes())
        else:
            continue  # a socket: nothing that lasts
        folder.live[entry.name] = folder.durable[entry.name] = made


def _live_tree(folder):
    return {name: (item.mode, _live_tree(item) if isinstance(item, Folder) else item.live())
            for name, item in folder.live.items()}


def _store(path, mode, tree):
    path.mkdir(parents=True)
    for name, (item_mode, item) in tree.items():
        if isinstance(item, dict):
            _store(path / name, item_mode, item)
        else:
            (path / name).write_bytes(item)
            (path / name).chmod(item_mode)
    path.chmod(mode)


class Shim:
    """Runs programs with the shim around one folder."""

    def __init__(self, library, root, scratch):
        self.library = Path(library)
        self.root = Path(root)
        self.log = Path(scratch) / "shim.records"
        self.control = Path(scratch) / "shim.control"

    def environment(self, base=None):
        environment = dict(os.environ if base is None else base)
        environment.update(LD_PRELOAD=str(self.library), SPOOLSHIM_DIR=str(self.root), SPOOLSHIM_LOG=str(self.log),
                           SPOOLSHIM_CONTROL=str(self.control))
        # A program built with AddressSanitizer wants to be first; it works behind us too.
        options = environment.get("ASAN_OPTIONS", "")
        environment["ASAN_OPTIONS"] = (options + ":" if options else "") + "verify_asan_link_order=0"
        return environment

    def set_faults(self, *lines):
        """Switches the faults: "CALL ERROR FROM [COUNT [PART]]" each. Takes effect at the next call of the program."""
        temporary = self.control.with_suffix(".new")
        temporary.write_text("".join(line + "\n" for line in lines))
        temporary.rename(self.control)

    def run(self, command, **options):
        return subprocess.run(command, env=self.environment(), check=True, **options)

    def records(self):
        return list(read_log(self.log)) if self.log.exists() else []

    def disk(self, base=None):
        disk = Disk(self.root, base)
        for record in self.records():
            disk.apply(record)
        return disk


def points(records, count, chance: random.Random):
    """`count` sorted places to cut the power, each the number of records that happened before. Every place is as likely
    as any other, the end among them."""
    return sorted(chance.randint(0, len(records)) for _ in range(count))


def moment_after(records, place):
    """Until when, on time.monotonic_ns(), the disk was as the first `place` records made it."""
    return records[place].time if place < len(records) else time.monotonic_ns()


def fresh(path):
    """`path`, emptied."""
    shutil.rmtree(path, ignore_errors=True)
    return Path(path)
