"""The relays that are measured, each set up once for all runs: durable, signing with the same RSA-2048 key, logging."""

from pathlib import Path

from harness import opendkim, postfix
from harness.process import cpu_seconds, free_port, memory_octets, wait_until
from harness.relay import Relay

from .load import DOMAIN, SELECTOR

IDLE_SECONDS = 120.0


class PostfixRelay:
    """Postfix with OpenDKIM at its best: no artificial delay, no DNS, as many deliveries at once as there are sessions."""

    name = "Postfix"

    def __init__(self, folder: Path, key: Path, max_sessions: int):
        self.submit_port = free_port()
        self.sink_port = free_port()
        next_hop = f"[127.0.0.1]:{self.sink_port}"
        self._milter = opendkim.SigningMilter(folder / "opendkim", domain=DOMAIN, selector=SELECTOR, key=key)
        self._postfix = postfix.Postfix(
            folder / "postfix",
            settings={
                "relayhost": next_hop,
                "disable_dns_lookups": "yes",
                "in_flow_delay": "0",
                "default_process_limit": str(4 * max_sessions),
                "default_destination_concurrency_limit": str(max_sessions),
                "initial_destination_concurrency": str(max_sessions),
                "default_destination_rate_delay": "0s",
                "smtp_connection_cache_on_demand": "yes",
                "smtp_connection_cache_destinations": next_hop,
                "smtpd_client_connection_count_limit": "0",
                "smtpd_peername_lookup": "no",
                "smtpd_milters": f"unix:{self._milter.socket}",
                "milter_default_action": "tempfail",
                "message_size_limit": "104857600",
            },
            smtpd={self.submit_port: {}},
        )

    def start(self):
        self._milter.start()
        self._postfix.start()

    def stop(self):
        self._postfix.stop()
        self._milter.stop()

    def _pids(self):
        return self._postfix.process.pid, self._milter.process.pid

    def cpu_seconds(self) -> float:
        return sum(cpu_seconds(pid) for pid in self._pids())

    def memory_octets(self) -> int:
        return sum(memory_octets(pid) for pid in self._pids())

    def wait_idle(self):
        wait_until(self._postfix.queue_is_empty, "Postfix's queue to be empty", IDLE_SECONDS)

    def describe(self) -> str:
        return self._postfix.log_text()[-4000:]


class SendconnRelay:
    """sendconn with rights, limits and logging on; the load comes in through a connector by client network."""

    name = "sendconn"

    def __init__(self, folder: Path, key: Path, max_sessions: int):
        self.sink_port = free_port()
        self._key = key
        self._relay = Relay(
            folder / "sendconn",
            plaintext=True,
            settings={
                "delivery": {"max_connections_per_destination": max_sessions, "idle_timeout": "5s"},
                "route": [{"domains": ["*"], "host": "127.0.0.1", "port": self.sink_port, "tls": "off"}],
            },
        )
        self.submit_port = self._relay.plain_port

    def start(self):
        self._relay.start()
        self._relay.add_account("bench")
        # A limit that is counted for every message and never reached.
        self._relay.add_connector("bench/load", user="", network="127.0.0.1/32", rate="1000000/s")
        self._relay.add_domain(DOMAIN, "bench/load", key="")
        self._relay.cli("dkim", "keygen", "--domain", DOMAIN, "--selector", SELECTOR, "--from-file", self._key)

    def stop(self):
        self._relay.stop()

    @property
    def pid(self) -> int:
        return self._relay.process.pid

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)

    def memory_octets(self) -> int:
        return memory_octets(self.pid)

    def wait_idle(self):
        self._relay.wait_queue_empty(IDLE_SECONDS)

    def describe(self) -> str:
        return self._relay.log_text()[-4000:]
