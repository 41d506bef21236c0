"""Keys and certificates of every kind that an administrator may hand to d2k."""

import datetime
import ipaddress
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER

KEY_KINDS = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa3072": lambda: rsa.generate_private_key(65537, 3072),
}


@dataclass
class Identity:
    """Paths of a certificate and its key."""

    cert: Path
    key: Path

    def copy_to(self, directory, name):
        """The same pair under another name."""
        copy = Identity(Path(directory) / f"{name}.crt", Path(directory) / f"{name}.key")
        shutil.copy(self.cert, copy.cert)
        shutil.copy(self.key, copy.key)
        copy.key.chmod(0o600)
        return copy


def write_private(path, data):
    """Writes a file that only its owner can read, as keys must be."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def key_bytes(key, encoding=PEM, password=None):
    protection = (serialization.BestAvailableEncryption(password) if password
                  else serialization.NoEncryption())
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, protection)


class Certificates:
    """Makes identities in one directory; RSA-4096 keys, which are slow, are made once per name."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)

    def _paths(self, name):
        return Identity(self.directory / f"{name}.crt", self.directory / f"{name}.key")

    def seed(self, name="seed"):
        """The pair that the seed document's own three openssl commands make."""
        paths, request = self._paths(name), self.directory / f"{name}.csr"
        if paths.cert.exists():
            return paths
        for command in (
            ["genrsa", "-out", paths.key, "4096"],
            ["req", "-new", "-key", paths.key, "-out", request, "-subj", f"/CN={name}"],
            ["x509", "-req", "-days", "730", "-in", request, "-signkey", paths.key,
             "-out", paths.cert],
        ):
            subprocess.run(["openssl", *command], check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return paths

    def make(self, name="server", kind="p256", days=(-1, 730), issuer=None):
        """A v3 certificate with SAN, valid from days[0] to days[1] days from now. `issuer`: a pair
        (certificate, key) that signs it."""
        key = KEY_KINDS[kind]()
        cert = self._sign(name, key, days, issuer, is_ca=False)
        paths = self._paths(name)
        write_private(paths.key, key_bytes(key))
        paths.cert.write_bytes(cert.public_bytes(PEM))
        return paths

    def chain(self, name="chained"):
        """A leaf that a CA signed; the certificate file holds the leaf, then the CA."""
        ca_key = KEY_KINDS["p256"]()
        ca_cert = self._sign("Test CA", ca_key, (-1, 730), None, is_ca=True)
        paths = self.make(name, issuer=(ca_cert, ca_key))
        with open(paths.cert, "ab") as file:
            file.write(ca_cert.public_bytes(PEM))
        return paths

    def der(self, name="der"):
        """Certificate and key as DER."""
        paths = self.make(name)
        key = serialization.load_pem_private_key(paths.key.read_bytes(), None)
        cert = x509.load_pem_x509_certificate(paths.cert.read_bytes())
        write_private(paths.key, key_bytes(key, DER))
        paths.cert.write_bytes(cert.public_bytes(DER))
        return paths

    def combined(self, name="combined"):
        """One PEM file that holds key and certificate."""
        paths = self.make(name)
        both = self.directory / f"{name}.pem"
        write_private(both, paths.key.read_bytes() + paths.cert.read_bytes())
        return Identity(both, both)

    def encrypted(self, name="encrypted"):
        """A key that needs a pass phrase."""
        paths = self.make(name)
        key = serialization.load_pem_private_key(paths.key.read_bytes(), None)
        write_private(paths.key, key_bytes(key, password=b"secret"))
        return paths

    @staticmethod
    def _sign(name, key, days, issuer, is_ca):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.utcnow()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer[0].subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if not is_ca:
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
            ).add_extension(
                x509.SubjectAlternativeName([
                    x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
                ]), critical=False)
        signer = issuer[1] if issuer else key
        algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        return builder.sign(signer, algorithm)


def sha256_hex(cert_path):
    """The pin of a PEM certificate: SHA-256 of its DER."""
    cert = x509.load_pem_x509_certificate(Path(cert_path).read_bytes())
    return cert.fingerprint(hashes.SHA256()).hex()
