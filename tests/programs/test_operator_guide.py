"""docs/guides/operator.md: its configuration is good, and its commands, run in their order, end in a signed message."""

import json
import re
import shlex
import subprocess

from conftest import RECIPIENT_DOMAIN
from harness.document import blocks_of
from harness.relay import RELAY, ROOT, TOOL

GUIDE = (ROOT / "docs/guides/operator.md").read_text(encoding="utf-8")
# The guide's names are those of the examples' domains; the sink of the tests has another one.
RECIPIENT = f"bob@{RECIPIENT_DOMAIN}"


blocks = blocks_of(GUIDE)


def commands() -> list[list[str]]:
    """Those of the blocks, then those that stand within the text and the table."""
    within = [found for found in re.findall(r"`(sendconn [^`]+)`", GUIDE) if "ID" not in found]
    lines = [line for block in blocks("sh") for line in block.splitlines()] + within
    return [shlex.split(line)[1:] for line in lines]


def test_its_configuration_is_good(folder, relay_certificate):
    (block,) = blocks("toml")
    for old, new in [("/etc/ssl/relay/fullchain.pem", str(relay_certificate.chain)),
                     ("/etc/ssl/relay/key.pem", str(relay_certificate.key))]:  # fmt: skip
        assert old in block
        block = block.replace(old, new)
    block = block.replace("[relay]\n", f'[relay]\nstate_folder = "{folder}/state"\n')
    (folder / "guide.toml").write_text(block)
    run = subprocess.run([RELAY, "--config", folder / "guide.toml", "--check-config"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def run_command(relay, words, stdin=""):
    run = subprocess.run([TOOL, "--config", relay.config, "--json", *words], input=stdin, capture_output=True, text=True)
    assert run.returncode == 0, (words, run.stderr or run.stdout)
    return json.loads(run.stdout) if run.stdout.strip() else {}


def run_commands(commands, make_relay, make_sink):
    """Runs them in their order, publishes the records that they print, and looks at the message that is sent at last."""
    guided = make_relay()
    guided.receive_mail_of(RECIPIENT_DOMAIN)
    sink = make_sink(port=guided.mx_port)
    password = ""
    steps = []
    for words in commands:
        group = " ".join(words[:2])
        if words[0] == "send":
            for old, new in [("relay.example.net", f"127.0.0.1:{guided.port}"), ("bob@example.com", RECIPIENT)]:
                words = [new if word == old else word for word in words]
            words += ["--no-verify", "--password-file", "-"]
            run_command(guided, words, stdin=password + "\n")
            (received,) = sink.wait_for(1)
            assert b"DKIM-Signature: v=1; a=rsa-sha256;" in received.content and b"d=example.org" in received.content
        elif group == "dkim lint":
            run_command(guided, [*words, "--zone", str(guided.zone.path)])
        else:
            said = run_command(guided, words)
            if group == "connector add" and "password" in said:
                password = said["password"]
            elif group == "domain add":
                guided.zone.add_txt(said["records"][0]["name"], said["records"][0]["text"])
            elif group == "dkim keygen":
                guided.zone.add_txt(said["record_name"], said["record_text"])
            elif group == "spf edit":
                assert "ip4:192.0.2.1" in str(said)
        steps.append(group)
    return steps


def test_its_commands_lead_to_a_signed_message(make_relay, make_sink):
    steps = run_commands(commands(), make_relay, make_sink)
    assert steps.index("domain verify") < steps.index("send --server") < steps.index("account remove"), steps
