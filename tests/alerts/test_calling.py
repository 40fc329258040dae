"""Where a call may go, and what a receiver can do to us: nothing but take it or not."""

import asyncio
import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from analytics_pipeline.alerts.calling import Answer, call
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.webhooks import Address, Target, parse_url, refuse_address

SECRET = "hook-token-9f3c"
REFUSED = (
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
    *("192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16"),
    *("192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1"),
    *("ff0e::1", "100::1", "5f00::1", "2001::1", "2001:db8::1", "3fff::1", "2002:7f00:1::"),
    *("::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b::a9fe:a9fe", "64:ff9b:1::1"),
)
ALLOWED = (
    *("1.1.1.1", "8.8.8.8", "93.184.216.34"),
    *("2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"),
)


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_that_are_not_called_on_a_strangers_word(address: str) -> None:
    """This machine, private networks, metadata, groups, and whatever carries one of them."""
    assert refuse_address(ip_address(address))


@pytest.mark.parametrize("address", ALLOWED)
def test_public_addresses(address: str) -> None:
    """The rest of the world."""
    assert refuse_address(ip_address(address)) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org/hook",
        "ftp://example.org/hook",
        "file:///etc/passwd",
        "http://example.org/hook",
        "http://127.0.0.1/hook",
        "https://",
        "https:///hook",
        "https://user@example.org/hook",
        "https://user:pass@example.org/hook",
        "https://example.org/hook#part",
        "https://example.org:0/hook",
        "https://example.org:70000/hook",
        "https://exa mple.org/hook",
        "https://example.org/ho\r\nok",
        "https://exämple.org/hook",
        "https://example.org/" + "x" * 2048,
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://[::ffff:169.254.169.254]/hook",
        "https://[fe80::1%25eth0]/hook",
        "https://169.254.169.254/latest/meta-data",
    ],
)
def test_urls_that_a_stranger_may_not_give(url: str) -> None:
    """Refused when the rule is made, without repeating them: they may hold a secret."""
    with pytest.raises(InvalidInput) as caught:
        parse_url(url)
    assert caught.value.field == "url"
    assert not url or url not in str(caught.value)


@pytest.mark.parametrize("url", ["http://example.org/", "http://10.0.0.1/", "ftp://localhost/"])
def test_http_is_for_this_machine_only(url: str) -> None:
    """Also where the operator lets a rule call private networks; https may go there."""
    with pytest.raises(InvalidInput):
        parse_url(url, inward=True)
    for taken in ("http://localhost:1/x", "http://[::1]:1/", "https://10.0.0.1/", "https://a.lan"):
        assert parse_url(taken, inward=True).inward


def answer(
    target: Target,
    resolve: Callable[[str, int], Any] | None = None,
    timeout_seconds: float = 30.0,
) -> Answer:
    """One call."""
    options: dict[str, Any] = {"timeout_seconds": timeout_seconds}
    if resolve is not None:
        options["resolve"] = resolve
    return asyncio.run(call(target, {"webhook-id": "msg_1"}, b"{}", **options))


class Names:
    """A resolver whose answers change: the n-th question gets the n-th answer."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append((host, port))
        return [ip_address(text) for text in self.answers[len(self.asked) - 1]]


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hosts that were connected to; nobody answers there."""
    made: list[str] = []

    async def connect_tcp(_: object, host: str, *__: Any, **___: Any) -> None:
        made.append(host)
        raise httpcore.ConnectError

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect_tcp)
    return made


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["2606:4700::1111", "::ffff:10.0.0.1"], ["::1"], []],
)
def test_a_name_that_means_something_private_is_not_called(
    addresses: list[str], connections: list[str]
) -> None:
    """One such address among public ones is enough; nothing is connected to."""
    said = answer(Target(f"https://example.org/{SECRET}"), Names(addresses))
    assert said.status is None
    assert said.problem is not None
    assert said.problem.startswith("not called: its host ")
    assert connections == []


def test_a_name_is_looked_up_once(connections: list[str]) -> None:
    """DNS rebinding: what it means a moment later changes nothing, for the connection goes to the
    address that was judged."""
    names = Names(["8.8.8.8", "1.1.1.1"], ["127.0.0.1"])
    said = answer(Target(f"https://example.org:8443/{SECRET}"), names)
    assert names.asked == [("example.org", 8443)]
    assert connections == ["8.8.8.8", "1.1.1.1"]
    assert said == Answer(None, "no connection: ConnectError")


def test_other_spellings_of_this_machine_are_judged_by_what_they_mean() -> None:
    """The resolver of this machine takes them for 127.0.0.1; so does the guard."""
    for host in ("2130706433", "0x7f.1", "127.1", "localhost"):
        said = answer(Target(f"https://{host}:9/"))
        assert said.problem is not None
        assert said.problem.startswith(("not called", "the host's name does not resolve")), host


def test_http_to_a_private_network_is_not_called(connections: list[str]) -> None:
    """`localhost` that means another machine."""
    said = answer(Target("http://localhost/", inward=True), Names(["10.0.0.1"]))
    assert said.problem == "not called: http is for this machine only"
    assert connections == []


@contextmanager
def serving(speak: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on the loopback interface that speaks to each connection; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    try:
                        speak(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def silent(connection: socket.socket) -> None:
    """Takes everything, answers nothing."""
    while connection.recv(65536):
        pass


def dripping(connection: socket.socket) -> None:
    """An answer whose headers never end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"x: y\r\n")
        threading.Event().wait(0.01)


def huge(connection: socket.socket) -> None:
    """Taken; and a body without end."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n")
    while True:
        connection.sendall(bytes(65536))


def nonsense(connection: socket.socket) -> None:
    """No HTTP."""
    connection.recv(65536)
    connection.sendall(b"\x00\xff" * 100 + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("speak", "problem"),
    [
        (silent, "no answer within"),
        (dripping, "no "),  # too many headers, or no time left
        (nonsense, "no connection: "),
        (lambda connection: None, "no connection: "),
        (huge, None),
    ],
)
def test_what_a_receiver_can_do(
    speak: Callable[[socket.socket], None], problem: str | None
) -> None:
    """Waste fifteen seconds; here, a part of one. Of a body nothing is read."""
    with serving(speak) as port:
        said = answer(Target(f"http://127.0.0.1:{port}/{SECRET}", True), timeout_seconds=0.4)
    if problem is None:
        assert said == Answer(200)
    else:
        assert said.problem is not None
        assert said.problem.startswith(problem)
        assert SECRET not in said.problem


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate of a host, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.crt", folder / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


def test_the_certificate_must_be_of_the_host_that_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connected to by address, and yet asked for its name: TLS as ever."""
    certificate, key = make_certificate(tmp_path, "receiver.test")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    def speak(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            while not secured.recv(65536).endswith(b"{}"):
                pass
            secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with serving(speak) as port:

        def said(host: str) -> Answer:
            return answer(Target(f"https://{host}:{port}/", True), Names(["127.0.0.1"]))

        unknown = said("receiver.test").problem
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert said("receiver.test") == Answer(204)
        other = said("other.test").problem
    assert unknown == "no connection: certificate: self-signed certificate"
    assert other is not None
    assert "Hostname mismatch" in other
