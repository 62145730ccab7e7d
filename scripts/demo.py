"""The demonstration itself; scripts/demo builds first and says what the options mean."""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "programs"))

from harness import dkim_check  # noqa: E402
from harness.process import ProcessError, end_cleanly_on_sigterm  # noqa: E402
from harness.relay import TOOL, Relay  # noqa: E402
from harness.sink import Sink  # noqa: E402

ACCOUNT = "acme"
CONNECTOR = "shop"
DOMAIN = "acme.example"
SENDER = f"ada@{DOMAIN}"
RECIPIENT = "bob@elsewhere.example"
FOREIGN = "ceo@bank.example"
SELECTOR = "s1"


class Demo:
    def __init__(self, folder: Path, outlive: bool):
        self.folder = folder
        self.outlive = outlive
        self.relay = Relay(folder)
        self.sink = Sink(folder / "recipient", port=self.relay.mx_port, name="mx.elsewhere.example")
        self.password_file = folder / "password.txt"
        self.step = 0
        self.colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    # How it is shown.

    def heading(self, text: str):
        self.step += 1
        line = f"{self.step}. {text}"
        print(f"\n\033[1m{line}\033[0m" if self.colour else f"\n{line}\n{'-' * len(line)}", flush=True)

    def say(self, text: str):
        print(textwrap.fill(" ".join(text.split()), 100), flush=True)

    def show(self, text: str):
        for line in text.rstrip().splitlines():
            print(f"    {line}")

    def sendconn(self, *words, expect: int = 0) -> str:
        """Runs the command line, shows what was typed and what came; any other exit code ends the demonstration."""
        print("  $ sendconn " + shlex.join(self._short(str(word)) for word in words), flush=True)
        run = subprocess.run(
            [TOOL, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "SENDCONN_CONFIG": str(self.relay.config)},
        )
        self.show(run.stdout)
        if run.returncode != expect:
            raise SystemExit(f"demo: that command ended with {run.returncode}, expected was {expect}")
        return run.stdout

    def _short(self, word: str) -> str:
        return word.replace(f"{self.folder}/", "")

    def publish(self, name: str, text: str):
        self.relay.zone.add_txt(name, text)
        print(f"  published in zone.txt: {name}. TXT", flush=True)

    def send(self, sender: str, *, header_from: str = "", expect: int = 0):
        words = ["send", "--server", f"127.0.0.1:{self.relay.port}", "--tls", "required", "--no-verify"]
        words += ["--user", CONNECTOR, "--password-file", self.password_file, "--from", sender, "--to", RECIPIENT]
        if header_from:
            message = self.folder / "foreign.eml"
            message.write_text(
                f"From: {header_from}\nTo: {RECIPIENT}\nSubject: Please pay at once\n\nTrust me.\n", newline="\r\n"
            )
            words.append(message)
        else:
            words += ["--subject", "Your order is on its way", "--text", "Dear Bob, it left this morning. Ada"]
        return self.sendconn(*words, expect=expect)

    # What is shown.

    def start(self):
        self.heading("A relay, a zone file as its DNS, and the recipient's mail server")
        self.relay.receive_mail_of(RECIPIENT.rpartition("@")[2])
        self.sink.start(outlive=self.outlive)
        self.relay.start(outlive=self.outlive)
        self.say(
            f"""sendconn-relay listens on 127.0.0.1, port {self.relay.port} (STARTTLS) and {self.relay.tls_port} (TLS
            from the start), with a certificate that it made for itself. Mail for elsewhere.example goes to the MX that
            zone.txt names: a small server on port {self.sink.port}."""
        )

    def make_connector(self):
        self.heading("An account and a connector, its way in")
        self.password_file.write_text("correct horse battery staple\n")
        self.password_file.chmod(0o600)
        self.sendconn("account", "add", ACCOUNT)
        self.sendconn(
            "connector", "add", f"{ACCOUNT}/{CONNECTOR}", "--user", CONNECTOR, "--password-file", self.password_file,
            "--rate", "100/min, burst 20",
        )  # fmt: skip

    def prove_domain(self):
        self.heading("A domain, and the TXT record that proves who owns it")
        self.sendconn("domain", "add", DOMAIN, "--account", ACCOUNT, "--connector", CONNECTOR)
        self.say("Not published yet, so the domain has no rights:")
        self.sendconn("domain", "verify", DOMAIN, expect=1)
        record = self.relay.cli("domain", "show", DOMAIN)["records"][0]
        self.publish(record["name"], record["text"])
        self.sendconn("domain", "verify", DOMAIN)

    def make_key(self):
        self.heading("A DKIM key, and the record that lets anybody verify with it")
        self.sendconn("dkim", "keygen", "--domain", DOMAIN, "--selector", SELECTOR)
        record = self.relay.cli("dkim", "record", "--domain", DOMAIN, "--selector", SELECTOR)
        self.publish(record["record_name"], record["record_text"])

    def deliver(self) -> bytes:
        self.heading("A message, submitted over STARTTLS with AUTH")
        self.send(SENDER)
        delivered = self.sink.wait_for(1)[0]
        (self.folder / "delivered.eml").write_bytes(delivered.content)
        self.heading("What the recipient's server got")
        self.show(delivered.content.decode("utf-8", "replace"))
        return delivered.content

    def verify(self, message: bytes):
        self.heading("What a verifier says that is not ours (dkimpy, with zone.txt as its DNS)")
        found = dkim_check.verdicts(message, self.relay.zone)
        for what, good in found:
            print(f"    {what}: {'pass' if good else 'FAIL'}")
        changed = dkim_check.verdicts(message.replace(b"this morning", b"this evening"), self.relay.zone)
        for what, good in changed:
            print(f"    the same with one word changed, {what}: {'PASS' if good else 'fail, as it must'}")
        if not found or not all(good for _, good in found) or any(good for _, good in changed):
            raise SystemExit("demo: the delivered message does not verify")

    def refuse(self):
        self.heading("Mail of a domain without rights")
        self.say("As the envelope's sender: refused at MAIL.")
        self.send(FOREIGN, expect=1)
        self.say("Only in the From field, behind an envelope that is in order: refused after the message.")
        self.send(SENDER, header_from=FOREIGN, expect=1)
        self.relay.wait_queue_empty()
        if self.sink.count() != 1:
            raise SystemExit("demo: a refused message was delivered")
        self.say("The recipient's server got nothing of it.")

    def run(self):
        self.start()
        self.make_connector()
        self.prove_domain()
        self.make_key()
        message = self.deliver()
        self.verify(message)
        self.refuse()

    def explain(self):
        self.heading("It goes on running")
        print(f"    export SENDCONN_CONFIG={self.relay.config} PATH={TOOL.parent}:$PATH")
        print("    sendconn domain list")
        print(f"    sendconn send --server 127.0.0.1:{self.relay.port} --no-verify --user {CONNECTOR} \\")
        print(f"      --password-file {self.password_file} --from {SENDER} --to {RECIPIENT} --subject Hello --text Hi")
        print(f"    records go into {self.relay.zone.path}; mail arrives in {self.sink.folder}")
        print(f"    to end it: kill {self.relay.process.pid} {self.sink.process.pid}; rm -r {self.folder}")

    def stop(self):
        self.relay.stop()
        self.sink.stop()


def main():
    parser = argparse.ArgumentParser(prog="scripts/demo")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    end_cleanly_on_sigterm()
    folder = Path(tempfile.mkdtemp(prefix="sendconn-demo-", dir="/var/tmp"))
    demo = Demo(folder, options.keep)
    done = False
    try:
        demo.run()
        done = True
    except ProcessError as error:
        raise SystemExit(f"demo: {error}") from None
    finally:
        kept = done and options.keep
        if kept:
            demo.explain()
        else:
            demo.stop()
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            for name in ("delivered.eml", "zone.txt", "sendconn.toml", "relay.log", "recipient/sink.log"):
                if (folder / name).exists():
                    shutil.copy(folder / name, options.out)
            print(f"\nIn {options.out}: {', '.join(sorted(file.name for file in options.out.iterdir()))}")
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
