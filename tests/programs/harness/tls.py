"""A certificate authority of the tests, and certificates it signs, made by the openssl program."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    chain: Path  # PEM, leaf first
    key: Path


class Authority:
    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / "authority.pem"
        self._key = self.folder / "authority.key"
        self._openssl(
            "req", "-x509", *_NEW_KEY, "-nodes", "-subj", "/CN=Test authority", "-days", "2",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
            "-keyout", self._key, "-out", self.file,
        )  # fmt: skip

    def issue(self, name: str, *others: str) -> Certificate:
        """A certificate for DNS names; "IP:127.0.0.1" for an address."""
        made = Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        names = [other if ":" in other else f"DNS:{other}" for other in (name, *others)]
        extensions.write_text(f"subjectAltName={','.join(names)}\n")
        self._openssl("req", *_NEW_KEY, "-new", "-nodes", "-subj", f"/CN={name}", "-keyout", made.key, "-out", request)
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key, "-CAcreateserial",
            "-days", "2", "-extfile", extensions, "-out", made.chain,
        )  # fmt: skip
        return made

    @staticmethod
    def _openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


# Elliptic curve keys are made at once; RSA keys take seconds when the machine is busy.
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
