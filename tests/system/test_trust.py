"""Servers that a certificate of the house vouches for; the real openssl makes it."""

import hashlib
import ssl
import subprocess
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from factory.errors import UnreachableError
from factory.system.download import fetch
from factory.system.retry import RetryPolicy
from tests.serving import serving

CONTENT = b"of the house"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ONCE = RetryPolicy(tries=0)
TRUSTED = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("house") / "both.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(path), "-out", str(path.with_suffix(".crt"))]
    subprocess.run([*words, *names], check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def url(certificate: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.with_suffix(".crt"), certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # of clients that do not trust it
    with serving(server):
        yield f"https://localhost:{server.server_port}/file.bin"


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TRUSTED:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_of_the_house_is_trusted(
    url: str, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(certificate.with_suffix(".crt")))
    fetch(url, SHA256, tmp_path / "file.bin", policy=ONCE)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_one_that_nobody_vouches_for_is_refused_at_once(url: str, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="certificate verify failed"):
        fetch(url, SHA256, tmp_path / "file.bin")
