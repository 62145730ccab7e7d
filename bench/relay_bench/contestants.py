"""The relays that are measured, each set up once for all runs: durable, signing with the same RSA-2048 key, logging."""

from pathlib import Path

from harness import opendkim, postfix
from harness.process import Process, free_port, memory_octets, wait_until

from .load import tree_cpu

DOMAIN = "bench.example"
SELECTOR = "bench"


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
        return tree_cpu(*self._pids())

    def memory_octets(self) -> int:
        return sum(memory_octets(pid) for pid in self._pids())

    def wait_idle(self):
        wait_until(self._postfix.queue_is_empty, "Postfix's queue to be empty", 120)

    def describe(self) -> str:
        return self._postfix.log_text()[-4000:]
