"""The tools of the durability tests, tested: what the shim records, what it breaks, and what a power failure leaves.

The programs watched here are Python's, with system calls in known order."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import powerloss  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SENDCONN_BUILD_DIR", ROOT / "build"))
LIBRARY = BUILD / "tests" / "shim" / "libspoolshim.so"
PYTHON = sys.executable
DRAWS = 60

HELPERS = """
import errno, os, sys
def create(path): return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
def sync_folder(path="."):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)
"""


class Lab:
    def __init__(self, scratch):
        self.root = scratch / "root"
        self.root.mkdir()
        self.shim = powerloss.Shim(LIBRARY, self.root, scratch)
        self.scratch = scratch

    def run(self, script, check=True, **options):
        return subprocess.run([PYTHON, "-c", HELPERS + textwrap.dedent(script)], cwd=self.root, check=check,
                              env=self.shim.environment(), capture_output=True, text=True, **options)

    def ops(self):
        return [powerloss.NAMES[record.op] for record in self.shim.records()]

    def draws(self, place=None, survival=None, count=DRAWS):
        """States after a power failure behind the first `place` records, as {name: octets}."""
        disk = powerloss.Disk(self.root)
        for record in self.shim.records()[:place]:
            disk.apply(record)
        states = []
        for seed in range(count):
            target = powerloss.fresh(self.scratch / "rebuilt")
            disk.rebuild(target, random.Random(seed), survival)
            states.append(read_tree(target))
        return states

    def live(self):
        target = powerloss.fresh(self.scratch / "live")
        self.shim.disk().write_live(target)
        return read_tree(target)


def read_tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).rglob("*"))
            if path.is_file()}


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


def test_what_is_synced_survives_every_draw(lab):
    lab.run("""
        fd = create("a")
        os.write(fd, b"x" * 10000)
        os.fsync(fd)
        sync_folder()
        """)
    assert all(state == {"a": b"x" * 10000} for state in lab.draws())


def test_unsynced_data_may_be_lost_wholly_partly_or_not_at_all(lab):
    lab.run("""
        fd = create("a")
        os.write(fd, b"x" * 10000)
        os.fsync(fd)
        sync_folder()
        os.write(fd, b"y" * 30000)
        """)
    states = [state["a"] for state in lab.draws(count=200)]
    assert all(state.startswith(b"x" * 10000) for state in states), "the synced part is certain"
    whole = b"x" * 10000 + b"y" * 30000
    assert b"x" * 10000 in states
    assert whole in states
    others = [state for state in states if state != whole and len(state) > 10000]
    assert any(0 in state[10000:] for state in others), "holes"
    assert any(len(state) < 40000 for state in others)
    assert lab.draws(survival=0.0, count=3) == [{"a": b"x" * 10000}] * 3
    assert lab.draws(survival=1.0, count=3)[0] == {"a": whole}


def test_a_missing_sync_of_the_folder_loses_the_file(lab):
    lab.run("""
        fd = create("a")
        os.write(fd, b"x")
        os.fsync(fd)
        """)
    states = lab.draws()
    assert {} in states, "its name was never synced"
    assert {"a": b"x"} in states
    assert all(state in ({}, {"a": b"x"}) for state in states), "but what is there is whole"


def test_a_folder_needs_its_own_sync_and_its_parents(lab):
    lab.run("""
        os.mkdir("sub")
        fd = create("sub/a")
        os.write(fd, b"x")
        os.fdatasync(fd)
        sync_folder("sub")
        """)
    assert lab.draws(survival=0.0, count=1) == [{}]
    lab.run("sync_folder()")
    assert lab.draws(survival=0.0, count=1) == [{"sub/a": b"x"}]


def test_a_sync_makes_durable_only_its_own_file(lab):
    lab.run("""
        a, b = create("a"), create("b")
        sync_folder()
        os.write(a, b"a")
        os.write(b, b"b")
        os.fsync(a)
        """)
    assert lab.draws(survival=0.0, count=1) == [{"a": b"a", "b": b""}]


@pytest.mark.parametrize("call", ["os.write(fd, DATA)", "os.writev(fd, [DATA[:5], DATA[5:]])",
                                  "os.pwrite(fd, DATA, 0)", "os.pwritev(fd, [DATA[:7], DATA[7:]], 0)"])
def test_every_kind_of_write_is_recorded_with_its_place(lab, call):
    lab.run(f"""
        DATA = bytes(range(256)) * 20
        fd = create("a")
        {call}
        os.lseek(fd, 100, os.SEEK_SET)
        os.write(fd, b"here")
        os.close(fd)
        fd = os.open("a", os.O_WRONLY | os.O_APPEND)
        os.write(fd, b"end")
        os.pwrite(fd, b"!", 0)
        """)
    live = lab.live()
    assert live == read_tree(lab.root)
    assert live["a"].endswith(b"end!")


def test_truncation_allocation_and_copies_are_recorded(lab):
    lab.run("""
        a = create("a")
        os.write(a, b"0123456789" * 1000)
        os.ftruncate(a, 5000)
        os.truncate("a", 4000)
        b = create("b")
        os.posix_fallocate(b, 0, 3000)
        os.lseek(a, 0, os.SEEK_SET)
        os.copy_file_range(a, b, 1000, 500, 2900)
        os.copy_file_range(a, b, 10)
        c = create("c")
        os.sendfile(c, a, 7, 2000)
        os.close(os.open("c", os.O_WRONLY | os.O_TRUNC))
        os.sendfile(c, a, 7, 100)
        """)
    assert lab.live() == read_tree(lab.root)
    assert "allocate" in lab.ops()


def test_renames_links_and_removals_are_recorded(lab):
    lab.run("""
        os.mkdir("sub")
        for name in "abcd": os.write(create(name), name.encode())
        os.rename("a", "A")
        os.rename("b", "sub/b")
        os.link("c", "sub/c2")
        os.unlink("c")
        os.rename("d", "A")
        os.mkdir("gone")
        os.rmdir("gone")
        os.rename("sub", "moved")
        os.write(os.open("moved/b", os.O_WRONLY | os.O_APPEND), b"!")
        sub = os.open("moved", os.O_RDONLY)
        os.write(os.open("e", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=sub), b"e")
        os.remove("moved/c2")
        """)
    assert lab.live() == read_tree(lab.root) == {"A": b"d", "moved/b": b"b!", "moved/e": b"e"}


def test_an_unsynced_rename_is_atomic(lab):
    lab.run("""
        for name in "ab":
            fd = create(name)
            os.write(fd, name.encode())
            os.fsync(fd)
        sync_folder()
        os.rename("a", "b")
        """)
    before, after = {"a": b"a", "b": b"b"}, {"b": b"a"}
    states = lab.draws()
    assert before in states and after in states
    assert all(state in (before, after) for state in states)


RENAME_BETWEEN_FOLDERS = """
    os.mkdir("from")
    os.mkdir("to")
    fd = create("from/a")
    os.write(fd, b"x")
    os.fsync(fd)
    sync_folder("from")
    sync_folder()
    os.rename("from/a", "to/a")
    """


def test_a_rename_between_folders_never_loses_the_file(lab):
    lab.run(RENAME_BETWEEN_FOLDERS)
    assert all(b"x" in state.values() for state in lab.draws())
    lab.run("sync_folder('from')")
    assert all(state == {"to/a": b"x"} for state in lab.draws())


def test_a_rename_whose_new_folder_is_synced_may_leave_the_old_name(lab):
    lab.run(RENAME_BETWEEN_FOLDERS)
    lab.run("sync_folder('to')")
    states = lab.draws()
    assert {"from/a": b"x", "to/a": b"x"} in states and {"to/a": b"x"} in states
    assert all(state["to/a"] == b"x" for state in states)


def test_an_unsynced_removal_may_be_undone(lab):
    lab.run("""
        fd = create("a")
        os.write(fd, b"x")
        os.fsync(fd)
        sync_folder()
        os.unlink("a")
        """)
    states = lab.draws()
    assert {} in states and {"a": b"x"} in states


def test_the_power_may_fail_behind_every_call(lab):
    lab.run("""
        fd = create("a")
        sync_folder()
        for n in range(20):
            os.pwrite(fd, bytes([n]) * 100, 100 * n)
            os.fsync(fd)
        """)
    records = lab.shim.records()
    synced = 0
    for place, record in enumerate(records, 1):
        synced += record.op == powerloss.SYNC_END and record.path.endswith("/a")
        if synced:
            state = lab.draws(place, 0.0, 1)[0]["a"]
            assert state == b"".join(bytes([n]) * 100 for n in range(synced))
    assert synced == 20


def test_data_of_a_failed_sync_is_never_certain_again(lab):
    lab.shim.set_faults("sync EIO 2")
    lab.run("""
        fd = create("a")
        os.write(fd, b"1" * 600)
        os.fsync(fd)
        os.pwrite(fd, b"2" * 600, 600)
        try: os.fsync(fd)
        except OSError as e: assert e.errno == errno.EIO
        else: raise SystemExit("the sync did not fail")
        os.fsync(fd)
        sync_folder()
        os.pwrite(fd, b"3" * 300, 600)
        os.fsync(fd)
        """)
    states = [state["a"] for state in lab.draws()]
    assert all(state[:600] == b"1" * 600 for state in states)
    assert all(state[600:900] == b"3" * 300 for state in states), "a later write is not undone by an older one"
    assert any(state[900:] != b"2" * 300 for state in states), "the kernel forgets pages whose sync failed"
    assert any(state[900:] == b"2" * 300 for state in states)
    assert [record.path2 for record in lab.shim.disk().faults] == ["sync"]


def test_what_is_read_back_from_the_disk_after_a_failed_sync_is_certain(lab):
    lab.shim.set_faults("sync EIO 2")
    lab.run("""
        fd = create("a")
        sync_folder()
        os.write(fd, b"1")
        try: os.fsync(fd)
        except OSError: pass
        os.write(fd, b"2")
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        """)
    states = [state["a"] for state in lab.draws()]
    assert all(state.startswith(b"1") for state in states)
    assert b"1" in states and b"12" in states, "what was not written out yet is not forgotten"


def test_writes_beside_a_running_sync_are_not_covered_by_it(lab):
    """Threads write and sync at once. Whatever a thread wrote before its own sync began is there once that ended."""
    lab.run("""
        import threading
        fd = create("a")
        sync_folder()
        def work(who):
            for n in range(100):
                os.pwrite(fd, b"%d" % who, who * 100 + n)
                os.fsync(fd)
        threads = [threading.Thread(target=work, args=(who,)) for who in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """)
    records = lab.shim.records()
    assert [record.sequence for record in records] == list(range(1, len(records) + 1))
    assert lab.live() == read_tree(lab.root)
    syncs = [i for i, record in enumerate(records) if record.op == powerloss.SYNC_END]
    begins = {record.sequence: i for i, record in enumerate(records) if record.op == powerloss.SYNC_BEGIN}
    assert any(begins[records[end].offset] < begin < end for begin in begins.values() for end in syncs), "they overlap"
    disk = powerloss.Disk(lab.root)
    must = {}
    for place, record in enumerate(records):
        disk.apply(record)
        if record.op == powerloss.SYNC_END and record.path.endswith("/a"):
            must = {r.offset: r.data for r in records[:begins[record.offset]] if r.op == powerloss.WRITE} | must
            octets = disk.root.live["a"].crashed(random.Random(place), 0.0)
            assert all(octets[offset:offset + 1] == data for offset, data in must.items())


def test_times_order_against_another_process(lab):
    before = time.monotonic_ns()
    lab.run("os.write(create('a'), b'x')")
    after = time.monotonic_ns()
    times = [record.time for record in lab.shim.records()]
    assert times and times == sorted(times)
    assert before < times[0] and times[-1] < after


def test_the_log_spans_runs_and_a_file_can_be_there_before(lab, tmp_path):
    (lab.root / "old").write_bytes(b"old")
    base = tmp_path / "base"
    base.mkdir()
    (base / "old").write_bytes(b"old")
    lab.run("os.write(os.open('old', os.O_WRONLY | os.O_APPEND), b'1')")
    lab.run("""
        fd = os.open('old', os.O_WRONLY | os.O_APPEND)
        os.write(fd, b'2')
        os.fsync(fd)
        os.write(fd, b'3')
        """)
    disk = lab.shim.disk(base)
    disk.rebuild(tmp_path / "lost", random.Random(1), 0.0)
    assert read_tree(tmp_path / "lost") == {"old": b"old12"}
    disk.write_live(tmp_path / "live")
    assert read_tree(tmp_path / "live") == {"old": b"old123"}


def test_what_it_cannot_see_makes_the_log_useless(lab):
    lab.run("""
        import mmap
        fd = create("a")
        os.ftruncate(fd, 4096)
        mmap.mmap(fd, 4096)
        """)
    with pytest.raises(powerloss.LogError, match="a shared writable mapping"):
        lab.shim.records()


def test_sqlites_shared_index_may_be_mapped(lab):
    lab.run("""
        import mmap
        fd = create("db-shm")
        os.ftruncate(fd, 4096)
        mmap.mmap(fd, 4096)
        """)
    assert "truncate" in lab.ops()


def test_files_outside_are_left_alone(lab, tmp_path):
    lab.shim.set_faults("any EIO 1 *")
    lab.run(f"""
        os.chdir({str(tmp_path)!r})
        fd = create("outside")
        os.write(fd, b"x")
        os.fsync(fd)
        os.rename("outside", "root-beside")
        """)
    assert lab.ops() == []


@pytest.mark.parametrize("call, kind", [
    ("os.write(fd, b'x' * 10)", "write"), ("os.pwrite(fd, b'x', 3)", "write"), ("os.fsync(fd)", "sync"),
    ("os.fdatasync(fd)", "sync"), ("os.ftruncate(fd, 1)", "truncate"), ("os.rename('a', 'b')", "rename"),
    ("os.unlink('a')", "unlink"), ("os.mkdir('d')", "mkdir"), ("os.link('a', 'b')", "link"),
    ("create('new')", "open"), ("os.posix_fallocate(fd, 0, 9)", "allocate")])
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_every_call_can_fail(lab, call, kind, error):
    lab.run("os.write(create('a'), b'0')")
    lab.shim.set_faults(f"{kind} {error} 1")
    before = read_tree(lab.root)
    lab.run(f"""
        fd = os.open("a", os.O_RDWR)
        try: {call}
        except OSError as e: assert e.errno == errno.{error}, e
        else: raise SystemExit("no error")
        """)
    assert read_tree(lab.root) == before
    assert lab.live() == before, "what failed is not in the log"
    assert len(lab.shim.disk().faults) == 1


def test_faults_are_counted_and_switched_while_the_program_runs(lab):
    program = subprocess.Popen([PYTHON, "-uc", HELPERS + textwrap.dedent("""
        fd = create("a")
        for line in sys.stdin:
            try: print(os.write(fd, b"12345678"))
            except OSError as e: print(errno.errorcode[e.errno])
        """)], cwd=lab.root, env=lab.shim.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask():
        program.stdin.write("\n")
        program.stdin.flush()
        return program.stdout.readline().strip()

    assert [ask(), ask()] == ["8", "8"]
    lab.shim.set_faults("write ENOSPC 2 2", "write EIO 5", "write SHORT 6", "write EIO 1 * elsewhere")
    assert [ask() for _ in range(7)] == ["8", "ENOSPC", "ENOSPC", "8", "EIO", "4", "8"]
    lab.shim.set_faults("write EIO 1 *")
    assert [ask() for _ in range(3)] == ["EIO"] * 3
    lab.shim.set_faults()
    assert ask() == "8"
    program.stdin.close()
    assert program.wait(10) == 0
    assert lab.live() == read_tree(lab.root)


def test_the_program_can_be_killed_at_a_call(lab):
    lab.shim.set_faults("write KILL 3")
    done = lab.run("""
        fd = create("a")
        for n in range(10): os.write(fd, b"%d" % n)
        """, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (lab.root / "a").read_bytes() == b"01"
    assert lab.live() == {"a": b"01"}


def test_a_database_in_wal_mode_is_recorded_whole_and_survives(lab):
    """SQLite itself, with FULL sync: what was committed is there after every power failure; with OFF it is not."""
    script = """
        import sqlite3
        db = sqlite3.connect("t.db", isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=MODE")
        db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, filler BLOB)")
        sync_folder()
        import time
        for n in range(60):
            db.execute("INSERT INTO t VALUES (?, randomblob(3000))", (n,))
            print(time.monotonic_ns(), flush=True)
            if n % 20 == 19: db.execute("PRAGMA wal_checkpoint(%s)" % ("PASSIVE" if n % 40 == 19 else "TRUNCATE"))
        os._exit(0)
        """
    for sync, kept in (("FULL", True), ("OFF", False)):
        (lab.scratch / sync).mkdir()
        trial = Lab(lab.scratch / sync)
        told = [int(line) for line in trial.run(script.replace("MODE", sync)).stdout.split()]
        assert len(told) == 60
        records = trial.shim.records()
        chance = random.Random(7)
        disk = powerloss.Disk(trial.root)
        lost = 0
        applied = 0
        for place in powerloss.points(records, 150, chance):
            for record in records[applied:place]:
                disk.apply(record)
            applied = place
            target = powerloss.fresh(trial.scratch / "rebuilt")
            disk.rebuild(target, chance)
            committed = sum(moment < powerloss.moment_after(records, place) for moment in told)
            lost += committed > rows(target / "t.db")
        print(f"{sync}: {lost} of 150 power failures lost a committed row")
        assert (lost == 0) == kept, f"{sync}: {lost} of 150 power failures lost a committed row"


def rows(path):
    """Rows from 0 on without a gap; 0 if the database is damaged or not there."""
    code = """
import sqlite3, sys
try:
    db = sqlite3.connect("file:%s?mode=rw" % sys.argv[1], uri=True)
    if db.execute("PRAGMA integrity_check").fetchone()[0] != "ok": raise sqlite3.DatabaseError
    found = [n for n, in db.execute("SELECT n FROM t ORDER BY n")]
    print(len(found) if found == list(range(len(found))) else 0)
except sqlite3.Error:
    print(0)
"""
    return int(subprocess.run([PYTHON, "-c", code, str(path)], check=True, capture_output=True).stdout)
