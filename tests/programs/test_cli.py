"""The command line: every command on a running relay and on the files of one that does not run, its exit codes, its JSON,
its secrets and its manners."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import smtplib
import ssl
import stat
import subprocess
import threading

import pytest

from conftest import RECIPIENT, RECIPIENT_DOMAIN, SENDER, SENDER_DOMAIN, prepare
from harness.dkim_check import verdicts
from harness.process import free_port, wait_until
from harness.relay import BUILD, PASSWORD, RELAY, ROOT, TOOL

OK, FAILED, USAGE, NOT_FOUND, TEMPORARY = range(5)
SECONDS = 60


def sendconn(relay, *words, stdin="", **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [TOOL, "--config", relay.config, *map(str, words)],
        input=stdin, capture_output=True, text=True, timeout=SECONDS, env={**os.environ, **environment},
    )  # fmt: skip


def on_terminal(words, answers=(), **environment) -> tuple[int, str]:
    """Runs a program on a terminal of its own and types each answer when its prompt has come; exit code and screen."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(words[0], [str(word) for word in words], {**os.environ, "TERM": "xterm", **environment})
    screen = b""
    waiting = list(answers)
    while True:
        ready, _, _ = select.select([terminal], [], [], SECONDS)
        assert ready, f"nothing came: {screen!r}"
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the program has closed the terminal
            break
        if not piece:
            break
        screen += piece
        if waiting and screen.rstrip(b" ").endswith(waiting[0][0]):
            os.write(terminal, waiting.pop(0)[1] + b"\n")
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert not waiting, f"no prompt {waiting[0][0]!r} in {screen!r}"
    return os.waitstatus_to_exitcode(status), screen.decode()


@pytest.fixture(params=["running", "files"])
def relay(request, make_relay):
    """Both ways in: through the admin socket, and without a relay."""
    return make_relay(start=request.param == "running")


@pytest.fixture
def files(make_relay):
    return make_relay(start=False)


# ── Every command, both ways in ──────────────────────────────────────────────────────────────────────────────────────


def test_from_an_account_to_a_granted_domain_and_back(relay):
    assert relay.cli("account", "add", "acme")["account"] == "acme"
    made = relay.cli("connector", "add", "acme/shop", "--rate", "100/min, burst 20", "--recipient-rate", "1000/h")
    assert made["user"] == "shop@acme" and len(made["password"]) >= 20
    assert made["message_rate"] == "100/min, burst 20" and made["recipient_rate"].startswith("1000/h")
    lan = relay.cli("connector", "add", "acme/lan", "--network", "192.0.2.0/24", "--network", "2001:db8::/32")
    assert lan["networks"] == ["192.0.2.0/24", "2001:db8::/32"] and lan["users"] == []

    added = relay.cli("domain", "add", "Example.ORG", "--account", "acme", "--connector", "shop")
    assert added["domain"] == "example.org" and added["state"] == "pending" and added["connectors"] == ["shop"]
    assert [one["name"] for one in added["records"]] == ["_sendconn-challenge.example.org", "example.org"]
    relay.zone.add_txt(added["records"][1]["name"], added["records"][1]["text"])
    verified = relay.cli("domain", "verify", "example.org")
    assert (verified["state"], verified["verdict"], verified["where"]) == ("active", "verified", "example.org")
    assert relay.cli("domain", "grant", "example.org", "--connector", "lan")["connectors"] == ["lan", "shop"]
    assert relay.cli("domain", "grant", "example.org", "--connector", "shop", "--withdraw")["connectors"] == ["lan"]
    assert relay.cli("connector", "show", "acme/lan")["domains"] == ["example.org"]

    key = relay.cli("dkim", "keygen", "example.org", "--selector", "s1")
    assert key["bits"] == 2048 and key["record_name"] == "s1._domainkey.example.org"
    shown = relay.cli("dkim", "record", "--domain", "example.org", "--selector", "s1")
    assert shown["record_text"] == key["record_text"]
    assert [one["selector"] for one in relay.cli("dkim", "list")["keys"]] == ["s1"]

    everything = relay.cli("account", "show", "acme")
    assert [one["name"] for one in everything["connectors"]] == ["lan", "shop"]
    assert [one["domain"] for one in everything["domains"]] == ["example.org"]
    assert [one["selector"] for one in everything["keys"]] == ["s1"]

    relay.cli("dkim", "remove", "example.org", "--selector", "s1")
    relay.cli("domain", "remove", "example.org")
    relay.cli("connector", "remove", "acme/shop")
    left = relay.cli("account", "show", "acme")
    assert [len(left[part]) for part in ("connectors", "domains", "keys")] == [1, 0, 0]
    relay.cli("account", "remove", "acme")
    assert relay.cli("account", "list") == {"accounts": []}


def test_the_answers_are_fit_to_read(relay):
    steps = [
        (["account", "list"], "No accounts. Make one: sendconn account add NAME"),
        (["account", "add", "acme"], "Account acme added."),
        (["connector", "add", "acme/shop"], "shown this once"),
        (["connector", "list"], "acme/shop"),
        (["connector", "show", "acme/shop"], "shop@acme"),
        (["connector", "passwd", "acme/shop", "--generate"], "Password of shop@acme set"),
        (["domain", "add", "example.org", "--account", "acme"], '_sendconn-challenge.example.org. IN TXT "token='),
        (["domain", "list"], "pending"),
        (["domain", "show", "example.org"], "Its owner proves it by publishing this TXT record"),
        (["domain", "grant", "example.org", "--connector", "shop"], "It is pending; mail is refused until"),
        (["dkim", "keygen", "example.org", "--selector", "e1", "--type", "ed25519"], "k=ed25519"),
        (["dkim", "record", "--domain", "example.org", "--selector", "e1"], "e1._domainkey.example.org. IN TXT"),
        (["dkim", "list"], "ed25519"),
        (["account", "show", "acme"], "example.org"),
        (["queue", "list"], "The queue holds no such message."),
        (["queue", "retry", "--all"], "0 recipients are tried again now."),
        (["dkim", "remove", "example.org", "--selector", "e1"], "e1._domainkey.example.org removed."),
        (["domain", "remove", "example.org"], "example.org removed."),
        (["account", "remove", "acme"], "acme removed."),
    ]
    for words, said in steps:
        run = sendconn(relay, *words)
        assert run.returncode == OK, (words, run.stderr)
        assert said in run.stdout, (words, run.stdout)
        assert "\x1b" not in run.stdout and run.stderr == "", words


def test_relay_status_tells_whether_a_relay_runs(make_relay):
    one = make_relay()
    status = one.cli("relay", "status")
    assert status["running"] is True and status["hostname"] == "relay.example"
    assert any(str(one.port) in listener for listener in status["listeners"])
    assert one.stop() == 0
    run = sendconn(one, "relay", "status")
    assert (run.returncode, run.stdout) == (NOT_FOUND, "No relay runs.\n")


# ── Exit codes and words ─────────────────────────────────────────────────────────────────────────────────────────────

REFUSALS = [
    ("account add acme", FAILED, "conflict", "account 'acme' exists already"),
    ("account add Acme", USAGE, "invalid_argument", "lower-case letters"),
    ("account show nobody", NOT_FOUND, "not_found", "no account 'nobody'"),
    ("connector add nobody/shop", NOT_FOUND, "not_found", "no account 'nobody'"),
    ("connector add shop", USAGE, "invalid_argument", "\"account/connector\" is required"),
    ("connector add acme/shop", FAILED, "conflict", "exists already"),
    ("connector add acme/two --user shop@acme", FAILED, "conflict", "belongs to connector 'acme/shop'"),
    ("connector add acme/two --rate often", USAGE, "invalid_argument", "must be a rate such as"),
    ("connector add acme/two --network 0.0.0.0/0", USAGE, "invalid_argument", "too wide"),
    ("connector add acme/two --network 192.0.2.1/24", USAGE, "invalid_argument", "client network '192.0.2.1/24'"),
    ("connector passwd acme/none --generate", NOT_FOUND, "not_found", "no connector 'acme/none'"),
    ("domain add org --account acme", USAGE, "invalid_argument", "top-level name"),
    ("domain add exa_mple..org --account acme", USAGE, "invalid_argument", "is no domain"),
    ("domain add two.example --account acme --connector none", NOT_FOUND, "not_found", "no connector 'acme/none'"),
    ("domain show none.example", NOT_FOUND, "not_found", "each subdomain is added on its own"),
    ("domain verify none.example", NOT_FOUND, "not_found", "no domain none.example"),
    ("domain show both.example", FAILED, "conflict", "several accounts (acme, other)"),
    ("domain grant acme.example --connector theirs", NOT_FOUND, "not_found", "no connector 'acme/theirs'"),
    ("dkim keygen none.example --selector s1", NOT_FOUND, "not_found", "no domain none.example"),
    ("dkim keygen acme.example --selector s1", FAILED, "conflict", "choose another selector"),
    ("dkim keygen acme.example --selector s2 --bits 512", USAGE, "invalid_argument", "1024 to 4096 bits"),
    ("dkim keygen acme.example --selector -s2-", USAGE, None, None),
    ("dkim record --domain acme.example --selector none", NOT_FOUND, "not_found", "no key for none._domainkey"),
    ("queue show 0000000000000", NOT_FOUND, "not_found", "0000000000000"),
    ("queue show nonsense", USAGE, "invalid_argument", "no queue id"),
    ("queue retry", USAGE, "invalid_argument", "either an id or --all"),
    ("domain verify silent.example", TEMPORARY, None, None),
    ("domain verify acme.example", FAILED, None, None),
]  # fmt: skip


def test_each_refusal_has_its_code_and_says_why(relay):
    relay.add_account("acme")
    relay.add_account("other")
    relay.cli("connector", "add", "acme/shop")
    relay.cli("connector", "add", "other/theirs")
    for domain, account in [("acme.example", "acme"), ("silent.example", "acme"), ("both.example", "acme"), ("both.example", "other")]:
        relay.cli("domain", "add", domain, "--account", account)
    relay.cli("dkim", "keygen", "acme.example", "--selector", "s1", "--type", "ed25519")
    relay.zone.fail("silent.example", "TXT", "servfail")
    relay.zone.fail("_sendconn-challenge.silent.example", "TXT", "timeout")
    for line, code, name, says in REFUSALS:
        run = sendconn(relay, "--json", *line.split())
        assert run.returncode == code, (line, run.stdout, run.stderr)
        if name:
            error = json.loads(run.stdout)["error"]
            assert error["code"] == name and says in error["text"], (line, error)
            assert says in run.stderr and run.stderr.startswith("sendconn: "), (line, run.stderr)
    assert relay.cli("domain", "show", "silent.example")["state"] == "pending"


USAGE_FAULTS = [
    [], ["acount"], ["account"], ["account", "add"], ["account", "add", "a", "b"], ["account", "list", "--nonsense"],
    ["domain", "add", "example.org"], ["dkim", "keygen", "--domain", "example.org"],
    ["dkim", "keygen", "example.org", "--selector", "s", "--type", "dsa"], ["--color", "blue", "account", "list"],
    ["queue", "list", "--limit", "many"], ["send", "--from", "a@b.example"],
    ["send", "--from", "a@b.example", "--to", "c@d.example", "--tls", "maybe"],
    ["connector", "add", "a/b", "--generate", "--password-file", "x"],
    ["dig", "a.example", "--zone", "x", "--dns-server", "192.0.2.1"],
]  # fmt: skip


@pytest.mark.parametrize("words", USAGE_FAULTS, ids=lambda words: " ".join(words) or "nothing")
def test_wrong_usage_is_told_from_refusal(files, words):
    run = sendconn(files, *words)
    assert run.returncode == USAGE, run
    assert run.stderr.strip() and not files.state.exists(), "nothing was touched"


def test_values_that_no_command_takes_are_refused_before_anything_is_sent(files):
    for words in (
        ["--server", "host:70000", "--from", "a@b.example", "--to", "c@d.example"],
        ["--server", "127.0.0.1:1", "--from", "nobody", "--to", "c@d.example"],
        ["--server", "127.0.0.1:1", "--from", "a@b.example", "--to", "c@d.example", "--subject", "a\nBcc: x@y.example"],
    ):
        assert sendconn(files, "send", *words).returncode == USAGE, words


def test_a_missing_or_broken_configuration_is_named(files):
    files.config.write_text("[relay]\nhostnam = \"x.example\"\n")
    run = sendconn(files, "account", "list")
    assert run.returncode == FAILED
    assert f"{files.config}:2: [relay] hostnam is not a known key; did you mean hostname?" in run.stderr
    files.config.unlink()
    run = sendconn(files, "account", "list")
    assert run.returncode == FAILED and "cannot read the configuration file" in run.stderr


def test_a_relay_program_that_is_not_there_is_named(files):
    run = sendconn(files, "account", "list", SENDCONN_RELAY="/nonexistent/relay")
    assert run.returncode == FAILED
    assert "cannot run /nonexistent/relay" in run.stderr and "SENDCONN_RELAY" in run.stderr


def test_a_damaged_database_is_one_clear_sentence(files):
    files.cli("account", "add", "acme")
    database = files.state / "control.db"
    database.write_bytes(b"x" * 8192)
    run = sendconn(files, "account", "list")
    assert run.returncode == FAILED
    assert run.stderr == f"sendconn: {database} is damaged or no SQLite database; restore it from a backup, or move it away to start anew\n"


# ── Two at a time ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_commands_without_a_relay_take_turns(files):
    runs = []

    def add(number):
        runs.append(sendconn(files, "account", "add", f"account{number}"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [run.returncode for run in runs] == [OK] * 8, [run.stderr for run in runs]
    assert len(files.cli("account", "list")["accounts"]) == 8


def test_a_change_reaches_the_running_relay_before_the_command_ends(make_relay, authority):
    one = make_relay()

    def login(user, password):
        context = ssl.create_default_context(cafile=str(authority.file))
        with smtplib.SMTP_SSL("127.0.0.1", one.tls_port, context=context, timeout=SECONDS) as client:
            return client.login(user, password)[0]

    one.add_account()
    user = one.add_connector()
    assert login(user, PASSWORD) == 235
    changed = one.cli("connector", "passwd", "acme/office", "--generate")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        login(user, PASSWORD)
    assert login(user, changed["password"]) == 235
    one.cli("connector", "passwd", "acme/office", "--user", "second", "--generate")
    assert sendconn(one, "connector", "passwd", "acme/office", "--generate").returncode == USAGE, "which of the two?"
    one.cli("connector", "remove", "acme/office")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        login(user, changed["password"])


def test_a_domain_belongs_to_one_account_at_a_time(relay):
    for account in ("old", "new"):
        relay.add_account(account)
    old = relay.cli("domain", "add", "example.org", "--account", "old")["records"][0]
    new = relay.cli("domain", "add", "example.org", "--account", "new")["records"][0]
    assert old["name"] == new["name"] and old["text"] != new["text"]
    relay.zone.add_txt(old["name"], old["text"])
    relay.zone.add_txt(new["name"], new["text"])
    assert relay.cli("domain", "verify", "example.org", "--account", "old")["state"] == "active"
    refused = sendconn(relay, "domain", "verify", "example.org", "--account", "new")
    assert refused.returncode == FAILED and "active for account 'old'" in refused.stderr
    relay.zone.remove(old["name"])
    relay.zone.add_txt(new["name"], new["text"])
    assert sendconn(relay, "domain", "verify", "example.org", "--account", "old").returncode == FAILED
    assert relay.cli("domain", "show", "example.org", "--account", "old")["state"] == "revoked"
    assert relay.cli("domain", "verify", "example.org", "--account", "new")["state"] == "active"


# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_files_are_private_and_hold_no_password(files):
    files.add_account()
    files.add_connector()
    generated = files.cli("connector", "add", "acme/two")["password"]
    assert stat.S_IMODE(files.state.stat().st_mode) == 0o700
    for file in files.state.rglob("*"):
        assert not stat.S_IMODE(file.stat().st_mode) & 0o077, file
        if file.is_file():
            content = file.read_bytes()
            assert PASSWORD.encode() not in content and generated.encode() not in content, file


def test_the_admin_socket_is_private_and_the_log_holds_no_secret(make_relay):
    one = make_relay()
    one.add_account()
    one.add_connector()
    generated = one.cli("connector", "add", "acme/two")["password"]
    assert stat.S_IMODE((one.state / "admin.sock").stat().st_mode) == 0o600
    assert PASSWORD not in one.log_text() and generated not in one.log_text()


def test_keys_are_encrypted_with_the_passphrase_of_the_configuration(folder, make_relay):
    secret = folder / "passphrase"
    secret.write_text("a long passphrase\n")
    secret.chmod(0o600)
    one = make_relay(start=False, settings={"dkim": {"passphrase_file": secret}})
    one.add_account()
    one.cli("domain", "add", "example.org", "--account", "acme")
    one.cli("dkim", "keygen", "example.org", "--selector", "s1")
    content = (one.state / "control.db").read_bytes()
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in content and b"BEGIN PRIVATE KEY" not in content
    assert one.cli("dkim", "record", "example.org", "--selector", "s1")["record_text"].startswith("v=DKIM1")
    secret.write_text("another passphrase\n")
    run = sendconn(one, "dkim", "record", "example.org", "--selector", "s1")
    assert run.returncode == FAILED and "passphrase" in run.stderr and "another" not in run.stderr
    secret.chmod(0o644)
    run = sendconn(one, "account", "list")
    assert run.returncode == USAGE and "chmod 600" in run.stderr


def test_a_password_is_asked_for_twice_and_never_shown(files):
    files.add_account()
    files.cli("connector", "add", "acme/shop")
    words = [TOOL, "--config", files.config, "connector", "passwd", "acme/shop"]
    code, screen = on_terminal(words, [(b"New password:", b"sesame-sesame"), (b"New password again:", b"sesame-sesame")])
    assert code == OK and "Password of shop@acme set" in screen and "sesame-sesame" not in screen
    code, screen = on_terminal(words, [(b"New password:", b"sesame-sesame"), (b"New password again:", b"sesam-sesame")])
    assert code == USAGE and "the two passwords differ" in screen
    code, screen = on_terminal(words, [(b"New password:", b"short"), (b"New password again:", b"short")])
    assert code == USAGE and "at least 8" in screen


def test_a_password_comes_from_standard_input_too(files):
    files.add_account()
    made = json.loads(
        sendconn(files, "--json", "connector", "add", "acme/shop", "--password-file", "-", stdin="sesame-sesame\n").stdout
    )
    assert made["user"] == "shop@acme" and "password" not in made


def test_removal_asks_on_a_terminal(files):
    files.add_account()
    words = [TOOL, "--config", files.config, "account", "remove", "acme"]
    code, _ = on_terminal(words, [(b"[y/N]", b"n")])
    assert code == FAILED and files.cli("account", "list")["accounts"]
    code, _ = on_terminal(words, [(b"[y/N]", b"y")])
    assert code == OK and not files.cli("account", "list")["accounts"]


# ── Terminals, help, completion ──────────────────────────────────────────────────────────────────────────────────────


def test_colour_goes_to_terminals_alone(files):
    files.add_account()
    words = [TOOL, "--config", files.config, "account", "list"]
    assert "\x1b[" in on_terminal(words)[1]
    assert "\x1b[" not in on_terminal(words, NO_COLOR="1")[1]
    assert "\x1b[" not in on_terminal(words, TERM="dumb")[1]
    assert "\x1b[" not in on_terminal([*words, "--color", "never"])[1]
    assert "\x1b[" in sendconn(files, "account", "list", "--color", "always").stdout


def command_tree() -> list[str]:
    """Every command, as the completion script knows them."""
    script = subprocess.run([TOOL, "completion"], capture_output=True, text=True, check=True).stdout
    return [path for path in re.findall(r"^    '([a-z ]*)'\) words=", script, re.MULTILINE) if path]


def test_every_command_of_the_issue_is_there_and_explains_itself_by_example():
    tree = command_tree()
    wanted = {
        "account": "add list show remove", "connector": "add list show passwd remove",
        "domain": "add list show verify grant remove", "dkim": "keygen record sign verify lint rotate",
        "spf": "check explain lint edit", "dmarc": "check lint report",
        "queue": "list show retry remove", "relay": "status",
    }  # fmt: skip
    for group, commands in wanted.items():
        for command in commands.split():
            assert f"{group} {command}" in tree
    assert {"authenticate", "send", "dig", "completion"} <= set(tree)
    groups = {path.split()[0] for path in tree if " " in path}
    for path in tree:
        run = subprocess.run([TOOL, *path.split(), "--help"], capture_output=True, text=True, check=True)
        if path not in groups:
            assert "Examples:\n  " in run.stdout, path
            assert "sendconn " + path in run.stdout or path == "completion", path


def test_the_examples_of_the_help_name_options_that_exist():
    for path in command_tree():
        text = subprocess.run([TOOL, *path.split(), "--help"], capture_output=True, text=True, check=True).stdout
        examples = text.partition("Examples:\n")[2]
        described = set(re.findall(r"(?<![\w-])--[a-z-]+", text.partition("Examples:\n")[0])) | {"--json"}
        for line in examples.splitlines():
            if line.startswith("  sendconn"):
                assert set(re.findall(r"(?<![\w-])--[a-z-]+", line)) <= described, (path, line)


def complete(*words: str) -> list[str]:
    """What bash offers for the last word."""
    script = subprocess.run([TOOL, "completion"], capture_output=True, text=True, check=True).stdout
    line = " ".join(f"'{word}'" for word in words)
    script += f"\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _sendconn; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return run.stdout.split()


def test_bash_completes_commands_options_and_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.txt").touch()
    assert "domain" in complete("sendconn", "dom")
    assert complete("sendconn", "domain", "ver") == ["verify"]
    assert complete("sendconn", "domain", "add", "example.org", "--all") == ["--all-connectors"]
    assert complete("sendconn", "--config", "x.toml", "queue", "ret") == ["retry"]
    assert complete("sendconn", "send", "--password-file", "sec") == ["secret.txt"]
    for command in ("send", "authenticate", "dkim verify", "dkim sign", "dmarc report"):
        assert complete("sendconn", *command.split(), "sec") == ["secret.txt"]
    assert complete("sendconn", "dkim", "rotate", "--state", "sec") == ["secret.txt"]
    assert complete("sendconn", "dkim", "lint", "sec") == []
    assert complete("sendconn", "account", "remove", "--y") == ["--yes"]


def test_versions_agree():
    ours = subprocess.run([TOOL, "--version"], capture_output=True, text=True, check=True).stdout.split()
    theirs = subprocess.run([RELAY, "--version"], capture_output=True, text=True, check=True).stdout.split()
    assert ours[0] == "sendconn" and theirs[0] == "sendconn-relay" and ours[1:] == theirs[1:]


# ── Keys and signatures ──────────────────────────────────────────────────────────────────────────────────────────────

MESSAGE = "From: Ada <ada@sender.example>\nTo: bob@elsewhere.example\nSubject: G\u00fcnther\n\nHall\u00f6, a test.\n"


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_file_is_signed_with_a_key_of_the_relay(relay, folder, kind):
    relay.add_account()
    relay.add_connector()
    relay.add_domain(SENDER_DOMAIN, key=kind)
    file = folder / "message.eml"
    file.write_text(MESSAGE)
    for canonicalization in ("relaxed/relaxed", "simple/simple"):
        run = subprocess.run(
            [TOOL, "--config", relay.config, "dkim", "sign", file, "--domain", SENDER_DOMAIN, "--selector", f"s-{kind}",
             "--canonicalization", canonicalization],
            capture_output=True, check=True,
        )  # fmt: skip
        assert run.stdout.endswith(MESSAGE.replace("\n", "\r\n").encode())
        assert verdicts(run.stdout, relay.zone) == [(f"{SENDER_DOMAIN} {kind}-sha256", True)]


def test_a_key_from_a_file_signs_and_can_be_taken_over(files, folder):
    pem = folder / "key.pem"
    subprocess.run(["openssl", "genrsa", "-out", pem, "2048"], check=True, capture_output=True)
    files.add_account()
    files.cli("domain", "add", SENDER_DOMAIN, "--account", "acme")
    made = files.cli("dkim", "keygen", SENDER_DOMAIN, "--selector", "old", "--from-file", pem)
    files.zone.add_txt(made["record_name"], made["record_text"])
    words = ["dkim", "sign", "-", "--domain", SENDER_DOMAIN, "--selector", "old"]
    for extra in ([], ["--key", pem]):
        run = sendconn(files, *words, *extra, stdin=MESSAGE)
        assert run.returncode == OK, run.stderr
        signed = re.sub("\r?\n", "\r\n", run.stdout).encode()
        assert verdicts(signed, files.zone) == [(f"{SENDER_DOMAIN} rsa-sha256", True)]
    fields = sendconn(files, *words, "--fields-only", stdin=MESSAGE).stdout
    assert fields.startswith("DKIM-Signature:") and "Hall" not in fields


# ── dig ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_dig_shows_what_the_relay_sees(relay):
    relay.zone.add("example.org", "MX", "10 mx.example.org.")
    relay.zone.add("www.example.org", "CNAME", "example.org.")
    relay.zone.add_txt("example.org", "v=spf1 -all")
    relay.zone.fail("broken.example", "TXT", "servfail")
    for extra in ([], ["--zone", relay.zone.path]):
        run = sendconn(relay, "dig", "example.org", "mx", *extra)
        assert (run.returncode, run.stdout) == (OK, "example.org. 60 IN MX 10 mx.example.org.\n")
        run = sendconn(relay, "dig", "www.example.org", *extra)
        assert 'TXT "v=spf1 -all"' in run.stdout and "CNAME example.org." in run.stdout
        run = sendconn(relay, "dig", "none.example", "A", *extra)
        assert (run.returncode, run.stdout) == (NOT_FOUND, "; none.example A: no such name\n")
        run = sendconn(relay, "dig", "example.org", "A", *extra)
        assert (run.returncode, run.stdout) == (NOT_FOUND, "; example.org A: no data\n")
        assert sendconn(relay, "dig", "broken.example", *extra).returncode == TEMPORARY
        found = json.loads(sendconn(relay, "--json", "dig", "example.org", "TXT", *extra).stdout)
        assert found["records"] == ["v=spf1 -all"] and found["ttl"] == 60
        assert sendconn(relay, "dig", "example.org", "ANY", *extra).returncode == USAGE


def test_dig_asks_a_named_server(files):
    run = sendconn(files, "dig", "example.org", "--dns-server", f"127.0.0.1:{free_port()}")
    assert run.returncode == TEMPORARY, run


# ── send ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def send_words(relay, authority, folder, *, password=PASSWORD, port=0, sender=SENDER, to=(RECIPIENT,)):
    secret = folder / "login"
    secret.write_text(password + "\n")
    words = ["send", "--server", f"127.0.0.1:{port or relay.port}", "--ca", authority.file, "--user", "office"]
    words += ["--password-file", secret, "--from", sender]
    for one in to:
        words += ["--to", one]
    return words


@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-256", ""])
@pytest.mark.parametrize("way", ["starttls", "implicit"])
def test_send_delivers_through_the_relay(relay_ready, sink_ready, authority, folder, mechanism, way):
    words = send_words(relay_ready, authority, folder, port=relay_ready.port if way == "starttls" else relay_ready.tls_port)
    words += ["--tls", "required" if way == "starttls" else "implicit"]
    words += ["--mechanism", mechanism] if mechanism else []
    run = sendconn(relay_ready, *words, "--subject", "Hello", "--text", "A test\n.with a dot")
    assert run.returncode == OK, run.stderr
    assert "took it: 250" in run.stdout
    (received,) = sink_ready.wait_for(1)
    assert (received.reverse_path, received.recipients) == (SENDER, [RECIPIENT])
    assert received.field("Subject") == "Hello" and b"\r\n.with a dot\r\n" in received.body
    assert verdicts(received.content, relay_ready.zone) == [(f"{SENDER_DOMAIN} rsa-sha256", True)]


def test_send_takes_a_file_and_tells_of_each_recipient(relay_ready, sink_ready, authority, folder):
    file = folder / "message.eml"
    file.write_text(MESSAGE.replace("\u00fc", "ue"))
    words = send_words(relay_ready, authority, folder, to=[RECIPIENT, f"carl@{RECIPIENT_DOMAIN}"])
    run = sendconn(relay_ready, "--json", *words, file)
    assert run.returncode == OK, run.stderr
    result = json.loads(run.stdout)
    assert [one["address"] for one in result["recipients"]] == [RECIPIENT, f"carl@{RECIPIENT_DOMAIN}"]
    assert result["reply"]["code"] == 250 and result["tls"] == "TLSv1.3"
    assert "Hall\u00f6".encode() in sink_ready.wait_for(1)[0].body


def test_send_tells_refusal_from_delay_by_its_exit_code(make_relay, authority, folder):
    one = prepare(make_relay(), rate="1/h, burst 1")
    run = sendconn(one, *send_words(one, authority, folder, password="wrong password"))
    assert run.returncode == FAILED and "535 5.7.8" in run.stderr
    run = sendconn(one, *send_words(one, authority, folder, sender="eve@foreign.example"))
    assert run.returncode == FAILED and "550 5.7.1" in run.stderr and "foreign.example" in run.stderr
    assert sendconn(one, *send_words(one, authority, folder)).returncode == OK
    run = sendconn(one, *send_words(one, authority, folder))
    assert run.returncode == TEMPORARY and "451 4.7.1" in run.stderr and "retry in" in run.stderr
    run = sendconn(one, *send_words(one, authority, folder, port=free_port()))
    assert run.returncode == TEMPORARY and "cannot connect" in run.stderr


def test_send_gives_no_password_to_a_server_it_cannot_trust(relay_ready, authority, folder):
    words = send_words(relay_ready, authority, folder)
    words.remove("--ca")
    words.remove(authority.file)
    run = sendconn(relay_ready, *words)
    assert run.returncode == FAILED and "certificate" in run.stderr
    assert sendconn(relay_ready, *words, "--no-verify").returncode == OK


def test_send_gives_no_password_without_tls(make_sink, files, authority, folder):
    sink = make_sink()
    run = sendconn(files, *send_words(files, authority, folder, port=sink.port))
    assert run.returncode == TEMPORARY and "TLS is required" in run.stderr, run
    assert sink.count() == 0


# ── The queue ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_queue_is_shown_retried_and_emptied_both_ways(make_relay, authority, folder):
    one = prepare(make_relay(settings={"delivery": {"retry_waits": ["1h"], "connect_timeout": "1s"}}))
    for text in ("one", "two"):
        assert sendconn(one, *send_words(one, authority, folder), "--text", text).returncode == OK
    wait_until(lambda: all(m["recipients"][0]["attempts"] for m in one.queue()) and len(one.queue()) == 2, "two failed tries")
    first, second = (message["id"] for message in one.queue())

    shown = one.cli("queue", "show", first)
    assert shown["sender"] == SENDER and shown["recipients"][0]["address"] == RECIPIENT
    assert shown["recipients"][0]["last_reply"]
    assert one.cli("queue", "list", "--to", f"@{RECIPIENT_DOMAIN}", "--limit", "1")["matched"] == 2
    assert one.cli("queue", "list", "--account", "other")["matched"] == 0
    assert first in sendconn(one, "queue", "list").stdout
    tries = shown["recipients"][0]["attempts"]
    assert one.cli("queue", "retry", first)["recipients"] == 1
    wait_until(lambda: one.cli("queue", "show", first)["recipients"][0]["attempts"] > tries, "another try")
    one.cli("queue", "remove", first)
    assert sendconn(one, "queue", "show", first).returncode == NOT_FOUND

    assert one.stop() == 0
    assert [message["id"] for message in one.queue()] == [second]
    assert one.cli("queue", "retry", "--all")["recipients"] == 1
    one.cli("queue", "remove", second)
    assert one.queue() == []


# ── What is installed ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_example_configuration_is_accepted_as_it_stands():
    run = subprocess.run(
        [RELAY, "--config", ROOT / "packaging" / "sendconn.toml.example", "--check-config"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    "section",
    [
        '[tls]\ncertificate_file = "missing"\nkey_file = "missing"',
        '[dkim]\npassphrase_file = "missing"',
        '[dns]\nzone_file = "missing"',
        '[[route]]\ndomains = ["*"]\nhost = "mx.example"\nuser = "a"\npassword_file = "missing"',
    ],
    ids=["certificate", "passphrase", "zone", "smarthost"],
)
def test_checking_the_configuration_reads_the_files_that_it_names(folder, section):
    config = folder / "sendconn.toml"
    config.write_text(f'[relay]\nhostname = "relay.example"\n{section}\n')
    run = subprocess.run([RELAY, "--config", config, "--check-config"], capture_output=True, text=True)
    assert run.returncode == 1 and f"{folder}/missing" in run.stderr, (run.stdout, run.stderr)


@pytest.mark.parametrize("program", [RELAY, TOOL])
def test_a_folder_is_no_configuration_file(folder, program):
    words = ["--check-config"] if program == RELAY else ["account", "list"]
    run = subprocess.run([program, "--config", folder, *words], capture_output=True, text=True)
    assert run.returncode == 1 and "is a folder" in run.stderr, (run.returncode, run.stderr)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_the_service_is_sound_and_confined(folder):
    unit = folder / "sendconn-relay.service"
    unit.write_text((ROOT / "packaging" / "sendconn-relay.service").read_text().replace("@bindir@/sendconn-relay", "/bin/true"))
    run = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    assert run.returncode == 0 and not run.stderr, run.stderr
    run = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=25", unit], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout[-500:]


def test_the_manual_lists_the_exit_codes_and_commands_of_the_program():
    manual = (ROOT / "docs" / "cli.md").read_text()
    for code in (OK, FAILED, USAGE, NOT_FOUND, TEMPORARY):
        assert f"\n| {code} | " in manual
    for group in {path.split()[0] for path in command_tree()}:
        assert re.search(rf"\b{group}\b", manual), group
    script = subprocess.run([TOOL, "completion"], capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"(?<![\w-])--[a-z-]+", script))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", manual)) - {"--admin-once"} <= options


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_the_relay_starts_with_every_level_that_the_configuration_names(level, make_relay):
    make_relay(settings={"log": {"level": level}})


@pytest.mark.skipif(not shutil.which("meson"), reason="meson is not installed")
def test_an_installation_has_the_programs_and_what_belongs_to_them(folder):
    names = json.loads(subprocess.run(["meson", "introspect", "--installed", BUILD], capture_output=True, text=True, check=True).stdout)
    installed = {path.rpartition("/")[2]: path for path in names.values()}
    for name in ("sendconn", "sendconn-relay", "sendconn.toml.example", "sendconn-relay.service", "sendconn.bash"):
        assert name in installed, installed
    assert installed["sendconn.bash"].endswith("/bash-completion/completions/sendconn.bash")
    assert installed["sendconn-relay.service"].endswith("/lib/systemd/system/sendconn-relay.service")
    unit = next(path for path in names if path.endswith("sendconn-relay.service"))
    assert f"ExecStart={installed['sendconn-relay']} " in open(unit).read(), "the service starts what is installed"


def test_a_relay_that_starts_while_a_command_works_waits_for_it(make_relay):
    one = make_relay(start=False)
    one.add_account()
    with open(one.state / "control.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        release = threading.Timer(0.5, lambda: fcntl.flock(lock, fcntl.LOCK_UN))
        release.start()
        one.start()
        release.join()
    assert one.cli("relay", "status")["running"]
