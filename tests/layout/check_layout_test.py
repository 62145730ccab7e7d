#!/usr/bin/env python3
"""check_layout.py finds what it is there to find: each case is a small tree, and the offences that it must give."""

import pathlib
import tempfile
import unittest

import check_layout

# A tree without fault. Each case adds to it, or replaces a file.
CLEAN = {
    "include/sendconn/result.hpp": "#include <string>\n",
    "include/sendconn/address.hpp": "#include <sendconn/result.hpp>\n",
    "include/sendconn/smtp.hpp": "#include <sendconn/address.hpp>\n",
    "include/sendconn/policy.hpp": "#include <sendconn/address.hpp>\n",
    "include/sendconn/sendconn.hpp": "".join(
        f"#include <sendconn/{name}.hpp>\n" for name in ("address", "ip", "policy", "result", "smtp")),
    "include/sendconn/ip.hpp": "",
    "lib/meson.build": "foreach part : ['base', 'mail', 'crypto', 'smtp', 'policy', 'io']\n",
    "lib/base/ascii.hpp": "#include <cstdint>\n",
    "lib/mail/idn.cpp": '#include "lib/base/ascii.hpp"\n#if __has_include(<idn2.h>)\n#include <idn2.h>\n#endif\n',
    "lib/crypto/digest.cpp": "#include <openssl/evp.h>\n",
    "lib/io/resolver.cpp": "#include <sys/socket.h>\n#include <ares.h>\nauto t = std::chrono::steady_clock::now();\n",
    "relay/spool/spool.hpp": "#include <sendconn/result.hpp>\n",
    "relay/spool/spool.cpp": '#include "relay/spool/spool.hpp"\n#include <unistd.h>\n#include <sqlite3.h>\n',
    "relay/main.cpp": '#include "relay/spool/spool.hpp"\n',
    "tools/main.cpp": "#include <sendconn/smtp.hpp>\n",
    "docs/architecture.md": "From `lib/mail/idn.cpp` to relay/spool/spool.{hpp,cpp}, as lib/*/idn.cpp; [spool](../relay/spool)\n",
}

# What is added, and a part of each line that must be printed; nothing else may be.
CASES = {
    "a layer above": ({"lib/mail/list.cpp": '\n#include "lib/smtp/grammar.hpp"\n'},
                      ["lib/mail/list.cpp:2: lib/mail must not include lib/smtp",
                       "folders in a cycle: lib/mail -> lib/smtp -> lib/mail"]),
    "a layer above, by its public header": ({"lib/base/ip.cpp": "#include <sendconn/address.hpp>\n"},
                                            ["lib/base/ip.cpp:1: lib/base must not include lib/mail",
                                             "folders in a cycle: lib/base -> lib/mail -> lib/base"]),
    "a neighbour of the same layer": ({"lib/mail/list.cpp": '#include "lib/crypto/digest.hpp"\n'},
                                      ["lib/mail must not include lib/crypto"]),
    "a public header above its part": ({"include/sendconn/ip.hpp": "#include <sendconn/smtp.hpp>\n"},
                                       ["include/sendconn/ip.hpp:1: lib/base must not include lib/smtp",
                                        "folders in a cycle"]),
    "policy that knows smtp": ({"lib/policy/decide.cpp": "#include <sendconn/smtp.hpp>\n"},
                               ["lib/policy and lib/smtp must not know each other"]),
    "smtp that knows policy": ({"lib/smtp/server.cpp": "#include <sendconn/policy.hpp>\n"},
                               ["lib/smtp and lib/policy must not know each other"]),
    "a public header without a part": ({"include/sendconn/misc.hpp": ""},
                                       ["include/sendconn/misc.hpp:1: belongs to no part",
                                        "does not include <sendconn/misc.hpp>"]),
    "a library folder without a layer": ({"lib/misc/misc.cpp": ""}, ["lib/misc/misc.cpp:1: belongs to no part"]),
    "a file loose in lib": ({"lib/misc.cpp": ""}, ["lib/misc.cpp:1: belongs to no part"]),
    "a public header with a private one": ({"include/sendconn/ip.hpp": '#include "lib/base/ascii.hpp"\n'},
                                           ["a public header must not include the private"]),
    "a header that sendconn.hpp forgets": ({"include/sendconn/dns_cache.hpp": ""},
                                           ["sendconn.hpp:1: does not include <sendconn/dns_cache.hpp>"]),
    "a part that includes everything": ({"lib/mail/list.cpp": "#include <sendconn/sendconn.hpp>\n"},
                                        ["lib/mail/list.cpp:1: <sendconn/sendconn.hpp> leads to a part without a layer"]),
    "a relative include": ({"lib/mail/list.cpp": '#include "idn.hpp"\n'}, ["must be written as"]),
    "OpenSSL in lib/dkim": ({"lib/dkim/sign.cpp": "#  include <openssl/evp.h>\n"},
                            ["lib/dkim must not include <openssl/evp.h>"]),
    "OpenSSL in the relay": ({"relay/main.cpp": "#include <openssl/ssl.h>\n"}, ["OpenSSL belongs to"]),
    "POSIX in lib": ({"lib/smtp/server.cpp": "#include <sys/socket.h>\n#include <unistd.h>\n#include <time.h>\n"},
                     ["lib/smtp must not include <sys/socket.h>", "lib/smtp must not include <unistd.h>",
                      "lib/smtp must not include <time.h>"]),
    "libidn2 outside lib/mail": ({"lib/smtp/server.cpp": "#include <idn2.h>\n"}, ["lib/smtp must not include <idn2.h>"]),
    "a hidden clock": ({"lib/smtp/server.cpp": "auto now = std::chrono::steady_clock::now();\n"},
                       ["lib/smtp/server.cpp:1: steady_clock::now is a hidden input"]),
    "a file in lib/tls by another way than its options": (
        {"lib/tls/context.cpp": "std::fopen(name); std::ifstream in(name);\n"},
        ["lib/tls/context.cpp:1: ifstream is a hidden input"]),
    "a hidden file": ({"lib/dns/zone.cpp": "std::ifstream in(path);\n"}, ["ifstream is a hidden input"]),
    "hidden randomness": ({"lib/smtp/server.cpp": "std::random_device device;\n"}, ["random_device is a hidden input"]),
    "a relay that looks inside the library": ({"relay/main.cpp": '#include "lib/base/ascii.hpp"\n'},
                                              ["relay/ must include <sendconn/...> and its own folders"]),
    "a tool that looks inside the relay": ({"tools/main.cpp": '#include "relay/spool/spool.hpp"\n'},
                                           ["tools/ must include <sendconn/...> and its own folders"]),
    "two folders that include each other": (
        {"relay/spool/spool.cpp": '#include "relay/store/store.hpp"\n',
         "relay/store/store.hpp": '#include "relay/spool/spool.hpp"\n'},
        ["folders in a cycle: relay/spool -> relay/store -> relay/spool"]),
    "a cycle around a corner": (
        {"relay/a/a.hpp": '#include "relay/b/b.hpp"\n', "relay/b/b.hpp": '#include "relay/c/c.hpp"\n',
         "relay/c/c.hpp": '#include "relay/a/a.hpp"\n'},
        ["folders in a cycle: relay/a -> relay/b -> relay/c -> relay/a"]),
    "parts built against their layers": ({"lib/meson.build": "foreach part : ['base', 'smtp', 'mail']\n"},
                                         ["lib/meson.build:1: part smtp stands before mail"]),
    "a part without a layer": ({"lib/meson.build": "foreach part : ['base', 'misc']\n"}, ["part misc has no layer"]),
    "a build file without parts": ({"lib/meson.build": "subdir('base')\n"}, ["no list of parts"]),
    "a document with a wrong file": ({"docs/architecture.md": "\nSee `relay/spool/none.cpp`.\n"},
                                     ["docs/architecture.md:2: names relay/spool/none.cpp"]),
    "a document with a wrong choice": ({"README.md": "See relay/spool/spool.{hpp,txt}.\n"},
                                       ["README.md:1: names relay/spool/spool.txt"]),
    "a document with a function that is gone": (
        {"docs/architecture.md": "`smtp::Session` calls `Session::feed`.\n",
         "include/sendconn/smtp.hpp": "namespace smtp { class Session { void eat(); }; }\n"},
        ["docs/architecture.md:1: names Session::feed"]),
    "a document with a wrong link": ({"README.md": "[a](docs/none.md), [b](https://example.org/none)\n"},
                                     ["names docs/none.md", "links to docs/none.md"]),
}


def offences_of(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return [str(offence) for offence in check_layout.check(folder)]


class CheckLayout(unittest.TestCase):
    def test_a_clean_tree_has_no_offence(self):
        self.assertEqual(offences_of(CLEAN), [])

    def test_each_offence_is_found(self):
        for name, (files, expected) in CASES.items():
            with self.subTest(name):
                offences = offences_of({**CLEAN, **files})
                for text in expected:
                    self.assertTrue(any(text in offence for offence in offences), f"{text!r} not in {offences}")
                for offence in offences:
                    self.assertTrue(any(text in offence for text in expected), f"not expected: {offence}")

    def test_a_tree_without_sources_is_no_success(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(check_layout.main(["check_layout", folder]), 2)


if __name__ == "__main__":
    unittest.main()
