"""Makes libsendconn-c.a: one relocatable object that defines sendconn_* alone.

    make_archive.py --objcopy PROGRAM --ar PROGRAM --output FILE --whole ARCHIVE [ARCHIVE...] --linker WORD...

Everything behind --linker is the beginning of the command that links.

Hidden visibility does nothing in an archive, so that two libraries with the same C++ names, or two versions of OpenSSL,
would meet in the final link. So the whole of the first archive and what it needs of the others is linked into one object,
and every name that is not of the interface becomes local. Groups (COMDAT) have to go before: the final link would drop
ours for somebody else's of the same name, and our local names would lead nowhere. Unique names (STB_GNU_UNIQUE, which
g++ gives to variables of inline functions) are passed over by objcopy, so they become ordinary ones first.
"""

import argparse
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

KEPT = "sendconn_*"


# From elf.h.
SYMBOL_TABLE = 2
GLOBAL, UNIQUE = 1, 10


def make_unique_names_global(path):
    """Changes the binding in the symbol table; the order of the table, locals first, stays right."""
    octets = bytearray(path.read_bytes())
    if octets[:4] != b"\x7fELF":
        raise SystemExit(f"make_archive: {path} is no ELF object")
    wide, order = octets[4] == 2, "<" if octets[5] == 1 else ">"
    # Offset and number of section headers; of each, type, offset and size; of a symbol, its size and where st_info is.
    (sections,) = struct.unpack_from(order + ("Q" if wide else "I"), octets, 0x28 if wide else 0x20)
    header_size, count = struct.unpack_from(order + "HH", octets, 0x3A if wide else 0x2E)
    if count == 0:  # too many for the field: the first section header has the number
        (count,) = struct.unpack_from(order + ("Q" if wide else "I"), octets, sections + (0x20 if wide else 0x14))
    symbol_size, info_at = (24, 4) if wide else (16, 12)
    for number in range(count):
        header = sections + number * header_size
        if struct.unpack_from(order + "I", octets, header + 4)[0] != SYMBOL_TABLE:
            continue
        offset, size = struct.unpack_from(order + ("QQ" if wide else "II"), octets, header + (0x18 if wide else 0x10))
        for at in range(offset + info_at, offset + size, symbol_size):
            if octets[at] >> 4 == UNIQUE:
                octets[at] = GLOBAL << 4 | octets[at] & 15
    path.write_bytes(octets)


def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--objcopy", required=True)
    parser.add_argument("--ar", required=True)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--whole", required=True)
    parser.add_argument("archives", nargs="*")
    end = arguments.index("--linker")
    linker = arguments[end + 1:]
    options, others = parser.parse_known_args(arguments[:end])
    archives = options.archives + others
    output = options.output.resolve()
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        linked = Path(folder) / "linked.o"
        kept = Path(folder) / "sendconn-c.o"
        subprocess.run(
            [*linker, "-r", "-nostdlib", "-no-pie", "-Wl,--force-group-allocation", "-Wl,-d", "-o", linked,
             "-Wl,--whole-archive", options.whole, "-Wl,--no-whole-archive",
             "-Wl,--start-group", *archives, "-Wl,--end-group"], check=True)
        make_unique_names_global(linked)
        subprocess.run([options.objcopy, "--wildcard", "--keep-global-symbol", KEPT, linked, kept], check=True)
        output.unlink(missing_ok=True)
        subprocess.run([options.ar, "rcD", output, kept.name], check=True, cwd=folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
