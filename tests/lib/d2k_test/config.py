"""Writes configuration as an administrator does: installation.conf and cfg_<application>.conf."""

import os
from pathlib import Path


def section(name, values):
    """One section; values that are None are left out."""
    lines = [f"[{name}]"] + [f"{key} = {value}" for key, value in values.items() if value is not None]
    return "\n".join(lines) + "\n"


def tls_server(identity, level="None", **more):
    """[TLS_Server] for an identity; more: other values, such as TLS_MinVersion."""
    return section("TLS_Server", {
        "TLS_CertFile": identity.cert, "TLS_KeyFile": identity.key, "TLS_RequiredLevel": level,
        **more})


def tls_client(level, *trusted, **more):
    """[TLS_Client] with these certificates in the list."""
    certs = ";".join(str(path) for path in trusted) or None
    return section("TLS_Client", {"TLS_TrustedCerts": certs, "TLS_RequiredLevel": level, **more})


def with_worker_count(text):
    """The runner may ask for a number of handshake workers; a test that says one itself keeps it."""
    workers = os.environ.get("D2K_TEST_WORKERS")
    return text if workers is None or "Handshake_Workers" in text else f"Handshake_Workers = {workers}\n{text}"


class Config:
    """One configuration directory; a file is replaced as a whole, so no reader sees a half one."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)

    def installation(self, text):
        self._write("installation.conf", text)

    def application(self, name, *sections):
        self._write(f"cfg_{name}.conf", with_worker_count("".join(sections)))

    def application_file(self, name):
        return self.directory / f"cfg_{name}.conf"

    def _write(self, name, text):
        new = self.directory / f".{name}.new"
        new.write_text(text, encoding="utf-8")
        os.replace(new, self.directory / name)
