#!/usr/bin/env python3
"""Compares our SPF checks with pyspf's on random records in random zones.

    differential.py PROGRAM [--cases N] [--seed N] [--show CLASS] [--time SECONDS]

PROGRAM is spf-conformance. Everything comes from the seed, so a finding can be had again. Each case is a zone of its
own with several records, valid ones and damaged ones, and one client. Where the two disagree, the case must belong to
one of the classes below, each with the section of RFC 7208 that decides; anything else is a finding, printed whole,
and the exit code is 1. Exits with 77 (skipped) where pyspf is absent.

Void lookups are counted by question here, as pyspf counts them; by default ours counts the terms, which is what section
4.6.4 says.
"""

import argparse
import collections
import random
import re
import socket
import subprocess
import sys

NAMES = ["example.org", "a.example.org", "b.example.org", "c.example.net", "_spf.example.org", "d.example.net"]
HOSTS = ["h1.example.org", "h2.example.org", "h3.example.net", "mx.example.org", "alias.example.org"]
GONE = ["gone.example.org", "nx.example.net"]
SLOW = "slow.example.net"
CLIENTS = ["192.0.2.1", "192.0.2.77", "198.51.100.5", "2001:db8::1", "::ffff:192.0.2.1"]
NETWORKS = ["192.0.2.0/24", "192.0.2.1", "192.0.2.77/32", "198.51.100.0/28", "203.0.113.9", "0.0.0.0/0", "192.0.2.128/25"]
NETWORKS6 = ["2001:db8::/32", "2001:db8::1", "2001:db8:1::/48", "::ffff:192.0.2.1", "::/0"]
MACROS = ["%{i}", "%{ir}", "%{d}", "%{d2}", "%{o}", "%{l}", "%{lr-}", "%{l1r-}", "%{h}", "%{v}", "%{s}", "%{S}", "%{d1r}",
          "%{o3}", "%%", "%_", "%-", "%{p}", "%{L}", "%{i3r}", "%{d2r}"]
SENDERS = ["joe@example.org", "strong-bad@example.org", "a+b-c@example.org", "@example.org", "example.org", "",
           "joe@a.example.org", "joe@nx.example.net"]
HELOS = ["mail.example.org", "example.org", "localhost", "[192.0.2.1]", "h1.example.org"]
DAMAGE = ["foo", "ip4:1.2.3", "ip4:192.0.2.1/33", "ip4:192.0.2.1/024", "ip6:2001:db8::1/129", "a:", "include:", "include",
          "mx/24/64", "-all:x", "all.", "exists", "exists:%{x}.example.org", "exists:%(i).example.org", "ptr/24", "redirect=",
          "exp=", "a:example", "a:example.123", "=x", "1x=y", "x=%y", "ip4=192.0.2.1", "redirect:example.org", "\u00fc",
          "a:%{d0}.example.org", "a:%{c}.example.org", "-exp=example.org", "mx//129", "a//0", "ip4:01.2.3.4", "a:%{d}.",
          "exists:%", "a:example.org.", "a:.example.org", "a:x..example.org", "v=spf1", "IP4:192.0.2.1", "x-y=z"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, choices):
        return self.random.choice(choices)

    def chance(self, share):
        return self.random.random() < share

    def target(self):
        kind = self.random.random()
        if kind < 0.55:
            return self.one(NAMES)
        if kind < 0.75:
            return self.one(HOSTS)
        if kind < 0.83:
            return self.one(GONE)
        if kind < 0.85:
            return SLOW
        macro = "".join(self.one(MACROS) + self.one([".", "", "."]) for _ in range(self.random.randint(1, 2)))
        return macro.rstrip(".") + self.one(["", ".example.org", ".example.org."])

    def prefixes(self):
        return self.one(["", "", "", "/24", "/0", "//64", "/28//48", "/32", "//128"])

    def mechanism(self):
        name = self.one(["ip4"] * 5 + ["ip6"] * 2 + ["a"] * 3 + ["mx"] * 3 + ["include"] * 4 + ["exists"] * 2 + ["ptr"])
        qualifier = self.one(["", "", "", "+", "-", "~", "?"])
        if name == "ip4":
            return qualifier + "ip4:" + self.one(NETWORKS)
        if name == "ip6":
            return qualifier + "ip6:" + self.one(NETWORKS6)
        if name in ("include", "exists"):
            return qualifier + name + ":" + self.target()
        domain = ":" + self.target() if self.chance(0.6) else ""
        return qualifier + name + domain + (self.prefixes() if name != "ptr" else "")

    def record(self):
        terms = [self.mechanism() for _ in range(self.one([0, 1, 1, 2, 2, 3, 4, 6, 9, 13]))]
        if self.chance(0.65):
            terms.append(self.one(["-", "~", "?", ""]) + "all")
        if self.chance(0.2):
            terms.insert(self.random.randint(0, len(terms)), "redirect=" + self.target())
        if self.chance(0.2):
            terms.insert(self.random.randint(0, len(terms)), "exp=" + self.one(["why.example.org", "%{d}", self.target()]))
        if self.chance(0.05):
            terms.insert(self.random.randint(0, len(terms)), "x-tag=" + self.one(["", "a:b", "%{d}", "%%"]))
        if self.chance(0.12):
            terms.insert(self.random.randint(0, len(terms)), self.one(DAMAGE))
        text = self.one(["v=spf1"] * 9 + ["V=SPF1"])
        for term in terms:
            text += self.one([" "] * 9 + ["  "]) + term
        return text + self.one([""] * 9 + [" "])

    def zone(self):
        zone = collections.defaultdict(list)
        for name in NAMES:
            if self.chance(0.93):
                zone[name].append(("TXT", self.record()))
            if self.chance(0.03):
                zone[name].append(("TXT", self.record()))
            if self.chance(0.2):
                zone[name].append(("TXT", "unrelated text"))
            for _ in range(self.one([0, 1, 1, 2])):
                zone[name].append(("A", self.one(["192.0.2.1", "192.0.2.77", "203.0.113.7", "198.51.100.5"])))
            for number in range(self.one([0, 0, 1, 2, 3])):
                zone[name].append(("MX", (10 * number, self.one(HOSTS + GONE[:1]))))
            if self.chance(0.03):
                zone[name] += [("MX", (number, self.one(HOSTS))) for number in range(self.random.randint(9, 12))]
        for host in HOSTS[:-1]:
            for _ in range(self.one([0, 1, 1, 2])):
                zone[host].append(("A", self.one(["192.0.2.1", "192.0.2.77", "203.0.113.7", "198.51.100.6"])))
            if self.chance(0.5):
                zone[host].append(("AAAA", self.one(["2001:db8::1", "2001:db8:1::7", "2001:db8:2::9"])))
            if self.chance(0.2):
                zone[host].append(("TXT", self.record()))
        zone["alias.example.org"] = [("CNAME", self.one(HOSTS[:-1] + GONE))]
        zone["why.example.org"].append(("TXT", self.one(["plain text", "not %{i} of %{d}", "%{p} %{c}", "bad %x", "%{S}"])))
        zone[SLOW].append("TIMEOUT")
        for owner in ("1.2.0.192.in-addr.arpa", "77.2.0.192.in-addr.arpa",
                      "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa"):
            for _ in range(self.one([0, 1, 1, 2])):
                zone[owner].append(("PTR", self.one(HOSTS + NAMES + GONE[:1])))
        return {name: records for name, records in zone.items() if records}

    def case(self):
        return {"zone": self.zone(), "client": self.one(CLIENTS), "helo": self.one(HELOS),
                "sender": self.one(SENDERS if self.chance(0.3) else SENDERS[:3])}


def hexadecimal(text):
    return "x" + text.encode("utf-8").hex()


def lines_of(number, case):
    yield f"scenario\t{number}"
    for name, records in case["zone"].items():
        for record in records:
            if record == "TIMEOUT":
                yield f"timeout\t{hexadecimal(name)}"
            elif record[0] == "MX":
                yield f"MX\t{hexadecimal(name)}\t{record[1][0]}\t{hexadecimal(record[1][1])}"
            else:
                yield f"{record[0]}\t{hexadecimal(name)}\t{hexadecimal(record[1])}"
    yield "\t".join(["case", str(number), hexadecimal(case["helo"]), hexadecimal(case["client"]), hexadecimal(case["sender"]),
                     "any", "-"])


ALIAS = "alias.example.org"


class Pyspf:
    """Their result, with their DNS replaced by a zone."""

    def __init__(self, spf):
        self.spf = spf
        self.zone = {}
        self.voids = []
        spf.DNSLookup = self.lookup
        original = spf.query.dns

        def dns(query, name, kind, cnames=None, ignore_void=False):
            before = query.void_lookups
            try:
                return original(query, name, kind, cnames, ignore_void)
            finally:
                # An alias is followed by a call of its own, which is counted too.
                self.voids += [f"{str(name).lower().rstrip('.')}/{kind}"] * (query.void_lookups > before)

        spf.query.dns = dns

    def lookup(self, name, kind, strict=True, timeout=None, level=0):
        name = name.lower()
        records = self.zone.get(name, [])
        answer = []
        for record in records:
            if record == "TIMEOUT":
                raise self.spf.TempError("DNS timeout")
            owner_kind, value = record
            if owner_kind == "CNAME":
                answer.append(((name, "CNAME"), value))
                answer += self.lookup(value, kind, strict, timeout, level + 1)
            elif owner_kind == kind:
                if kind == "AAAA":
                    value = socket.inet_pton(socket.AF_INET6, value)
                elif kind == "TXT":
                    value = (value.encode("utf-8"),)
                answer.append(((name, kind), value))
        return answer

    def check(self, case):
        self.zone = case["zone"]
        self.voids = []
        query = self.spf.query(i=case["client"], s=case["sender"], h=case["helo"], strict=1)
        query.set_default_explanation("DEFAULT")
        try:
            result, _, text = query.check()
        except Exception as problem:  # it raises what its parser did not expect
            return "crash", f"{type(problem).__name__}: {problem}"
        return result, text


def all_text(case):
    return " ".join(record[1] for records in case["zone"].values() for record in records
                    if record != "TIMEOUT" and record[0] == "TXT")


# ------------------------------------------------------------------------------------------------ classes

CLASSES = []


def explains(name, section, why):
    def add(rule):
        CLASSES.append((name, section, why, rule))
        return rule
    return add


class Difference:
    def __init__(self, case, ours, theirs, text, voids):
        self.case = case
        self.ours = ours
        self.theirs = theirs
        self.text = text  # their reason, or explanation of a fail
        self.their_voids = voids
        # Questions that they counted as void and ours never asked, or asked less often.
        self.our_voids = [void for void in ours["voids_of"].split("|") if void]
        self.only_theirs = list((collections.Counter(voids) - collections.Counter(self.our_voids)).elements())
        self.only_ours = list((collections.Counter(self.our_voids) - collections.Counter(voids)).elements())

    def both(self, verdict):
        return self.theirs == verdict and self.ours["verdict"] == verdict

    def records(self, kind, name=None):
        return [record[1] for owner, records in self.case["zone"].items() if name in (None, owner)
                for record in records if record != "TIMEOUT" and record[0] == kind]

    def is_theirs_void(self):
        return self.theirs == "permerror" and "Void lookup limit" in self.text


def classify(difference):
    for name, _, _, rule in CLASSES:
        if rule(difference):
            return name
    return None


@explains("includes itself", "5.2", "pyspf refuses a record with an include of its own domain, reached or not")
def _(difference):
    return "include has trivial recursion" in difference.text


@explains("%%", "7.1", "pyspf takes %% for a malformed macro where another macro or the end follows")
def _(difference):
    refused = "invalid-macro-char" in difference.text or (difference.both("fail") and difference.text == "DEFAULT")
    return refused and "%%" in all_text(difference.case)


@explains("no parts", "7.3", "pyspf accepts a macro of 0 parts; the number must not be zero")
def _(difference):
    return difference.ours["reason"] == "syntax" and "must not be 0" in difference.ours["text"]


@explains("long explanation", "7.3", "pyspf cuts a long explanation on its left; that is for names alone")
def _(difference):
    return difference.both("fail") and len(difference.ours["explanation"]) > 253


@explains("alias counted twice", "4.6.4", "pyspf counts a void lookup through an alias for the alias and for its target")
def _(difference):
    targets = difference.records("CNAME", ALIAS)
    return difference.is_theirs_void() and any(
        void.split("/")[0] in (ALIAS, *targets) for void in difference.only_theirs)


@explains("client's name asked early", "4.6.2", "pyspf expands every %{p} before it evaluates the first term, "
          "and counts the void lookups of terms that are never reached")
def _(difference):
    names = difference.records("PTR")
    return difference.is_theirs_void() and "%{p}" in all_text(difference.case) and any(
        void.endswith("/PTR") or void.split("/")[0] in names for void in difference.their_voids)


@explains("asked again", "4.6.4", "pyspf counts a void lookup again for a name that stands twice in one answer, and for "
          "the client's name in each term; ours asks once")
def _(difference):
    return difference.is_theirs_void() and bool(difference.only_theirs) and all(
        void in difference.our_voids for void in difference.only_theirs)


@explains("hosts behind the match", "5.4", "pyspf asks for all hosts of an mx before it compares the first, "
          "and counts void ones behind the match")
def _(difference):
    hosts = {host for _, host in difference.records("MX")}
    return difference.is_theirs_void() and any(void.split("/")[0] in hosts for void in difference.only_theirs)


@explains("no local part", "4.3", "pyspf leaves out postmaster in %{s} where the sender has no local part")
def _(difference):
    sender = difference.case["sender"]
    return ("@" not in sender or sender.startswith("@")) and "%{s" in all_text(difference.case).lower()


@explains("redirect counted unreached", "4.6.4", "pyspf counts a redirect as a lookup that a match before it makes "
          "unnecessary")
def _(difference):
    return "Too many DNS lookups" in difference.text and "redirect=" in all_text(difference.case)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--cases", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=7208)
    parser.add_argument("--show", help="print the cases of this class too")
    options = parser.parse_args(arguments[1:])
    try:
        import spf
    except ImportError:
        print("skipped: no pyspf (package python3-spf)")
        return 77

    generator = Generator(options.seed)
    cases = [generator.case() for _ in range(options.cases)]
    lines = [line for number, case in enumerate(cases) for line in lines_of(number, case)]
    run = subprocess.run([options.program, "--print"], input="\n".join(lines) + "\n", text=True, capture_output=True,
                         check=True)
    results = [dict(zip(("name", "verdict", "reason", "lookups", "voids", "explanation", "text", "voids_of"), line.split("\t")))
               for line in run.stdout.splitlines()]
    assert len(results) == len(cases), run.stderr

    peer = Pyspf(spf)
    counts = collections.Counter()
    verdicts = collections.Counter()
    findings = 0
    for case, ours in zip(cases, results):
        theirs, text = peer.check(case)
        verdicts[ours["verdict"]] += 1
        if theirs == ours["verdict"] and (theirs != "fail" or text == ours["explanation"]):
            counts["agree"] += 1
            continue
        found = classify(Difference(case, ours, theirs, text, peer.voids))
        counts[found] += 1
        if found is None:
            findings += 1
        if (found is None and findings <= 10) or found == options.show:
            difference = Difference(case, ours, theirs, text, peer.voids)
            print(f"case {ours['name']} of seed {options.seed}: ours {ours}, theirs {theirs} ({text})")
            print(f"  void for them alone: {difference.only_theirs}, for us alone: {difference.only_ours}")
            print(f"  client {case['client']} helo {case['helo']} sender {case['sender']!r}")
            for name, records in sorted(case["zone"].items()):
                print(f"  {name}: {records}")
    records = sum(1 for case in cases for rows in case["zone"].values() for row in rows
                  if row != "TIMEOUT" and row[0] == "TXT")
    print(f"{len(cases)} zones with {records} TXT records, seed {options.seed}; our verdicts: "
          + ", ".join(f"{verdict} {count}" for verdict, count in sorted(verdicts.items())))
    print(f"{counts['agree']:6} agree with pyspf")
    for name, section, why, _ in CLASSES:
        print(f"{counts[name]:6} {name}: {why} (RFC 7208 section {section})")
    print(f"{findings:6} unexplained")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
