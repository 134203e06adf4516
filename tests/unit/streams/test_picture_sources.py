"""Where pictures come from: nobody makes this machine read its files or call its neighbours."""

from __future__ import annotations

import base64
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from schemas.errors import BadPicture
from streams.perceiver.sources import PictureSources
from streams.perceiver.web import WebPictures, is_public

LOOPBACK = "127.0.0.1"


class Pages(http.server.BaseHTTPRequestHandler):
    """A server of a few pages; `asked` are the paths in order."""

    asked: ClassVar[list[str]] = []
    moved: ClassVar[dict[str, str]] = {
        "/here": "/ok",
        "/elsewhere": "http://other.example/ok",
        "/metadata": "http://169.254.169.254/latest/meta-data/",
        "/file": "file:///etc/passwd",
        "/round": "/round",
    }
    bodies: ClassVar[dict[str, bytes]] = {"/ok": b"picture", "/large": b"x" * 2_000}

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path in self.moved:
            self.answer(302, b"", Location=self.moved[self.path])
        elif self.path in self.bodies:
            self.answer(200, self.bodies[self.path])
        elif self.path in ("/lies", "/slow"):
            self.send_response(200)
            self.end_headers()
            if self.path == "/slow":
                threading.Event().wait(1.0)
            else:
                self.wfile.write(b"x" * 2_000)
        else:
            self.answer(404, b"")

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer((LOOPBACK, 0), Pages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


class Names:
    """A resolver that answers what it is told, one answer after the other, and the last one from then on."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int) -> tuple[str, ...]:
        self.asked += 1
        return self._answers[min(self.asked, len(self._answers)) - 1]


def web(port: int, *, names: Names, loopback: bool = True, seconds: float = 5.0) -> WebPictures:
    """Fetch by these names; with `loopback` the address of the test's own server is as good as a public one."""
    import time

    return WebPictures(
        hosts=frozenset({"shop.example"}),
        limit=1_000,
        seconds=seconds,
        clock=time.monotonic,
        resolve=names,
        allowed=(lambda address: address == LOOPBACK or is_public(address)) if loopback else is_public,
        ports=frozenset({80, 443, port}),
    )


def fault_of(pictures: WebPictures, uri: str) -> str:
    with pytest.raises(BadPicture) as found:
        pictures.fetch(uri)
    return found.value.fault


def test_a_named_host_is_fetched_and_may_redirect_to_itself(port: int) -> None:
    pictures = web(port, names=Names((LOOPBACK,)))
    assert pictures.fetch(f"http://shop.example:{port}/ok") == b"picture"
    assert pictures.fetch(f"http://shop.example:{port}/here") == b"picture"


@pytest.mark.parametrize(
    "uri",
    [
        "http://other.example/a.jpg",
        "http://127.0.0.1/a.jpg",
        "http://[::1]/a.jpg",
        "http://2130706433/a.jpg",
        "http://shop.example.evil.example/a.jpg",
        "http://shop.example@evil.example/a.jpg",
        "http://evil.example#shop.example",
        "http://user:word@shop.example/a.jpg",
        "http://shop.example:22/a.jpg",
        "http://shop.example:99999/a.jpg",
        "ftp://shop.example/a.jpg",
        "gopher://shop.example/a.jpg",
        "file:///etc/passwd",
        "//shop.example/a.jpg",
        "http://",
        "",
    ],
)
def test_nothing_else_is_even_resolved(uri: str) -> None:
    names = Names(("8.8.8.8",))
    assert fault_of(web(80, names=names), uri) == "not-allowed"
    assert names.asked == 0


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.5",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
        ),
        *("::1", "::", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "224.0.0.1", "ff02::1"),
        *("255.255.255.255", "64:ff9b::7f00:1", "2002:7f00:1::"),
    ],
)
def test_a_host_that_is_at_a_private_address_is_not_called(port: int, address: str) -> None:
    Pages.asked.clear()
    for names in (Names((address,)), Names(("8.8.8.8", address))):
        assert fault_of(web(port, names=names, loopback=False), f"http://shop.example:{port}/ok") == "private-address"
    assert Pages.asked == []


def test_a_name_that_changes_after_the_check_changes_nothing(port: int) -> None:
    """DNS rebinding: public when it is checked, private when it is called. The name is asked once a request, and the
    connection goes to what was checked.
    """
    names = Names((LOOPBACK,), ("10.0.0.1",))
    assert web(port, names=names).fetch(f"http://shop.example:{port}/ok") == b"picture"
    assert names.asked == 1
    redirected = Names((LOOPBACK,), ("10.0.0.1",))
    assert fault_of(web(port, names=redirected), f"http://shop.example:{port}/here") == "private-address"


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("elsewhere", "not-allowed"),
        ("metadata", "not-allowed"),
        ("file", "not-allowed"),
        ("round", "unreachable"),
        ("absent", "unreachable"),
        ("large", "too-large"),
        ("lies", "too-large"),
    ],
)
def test_redirects_elsewhere_errors_and_large_answers_are_refused(port: int, path: str, fault: str) -> None:
    assert fault_of(web(port, names=Names((LOOPBACK,))), f"http://shop.example:{port}/{path}") == fault


def test_a_slow_server_is_left(port: int) -> None:
    assert (
        fault_of(web(port, names=Names((LOOPBACK,)), seconds=0.3), f"http://shop.example:{port}/slow") == "unreachable"
    )


def sources(*roots: Path) -> PictureSources:
    return PictureSources(limit=1_000, web=web(80, names=Names(("8.8.8.8",))), roots=roots)


def refused(uri: str, of: PictureSources) -> str:
    with pytest.raises(BadPicture) as found:
        of.of_item(uri)
    return found.value.fault


def test_data_is_taken_as_far_as_the_limit() -> None:
    assert sources().of_user(f"data:image/png;base64,{base64.b64encode(b'x' * 1_000).decode()}") == b"x" * 1_000
    assert sources().of_user("DATA:text/plain,a%20b") == b"a b"
    assert refused(f"data:image/png;base64,{base64.b64encode(b'x' * 1_100).decode()}", sources()) == "too-large"
    assert refused("data:image/png;base64,*", sources()) == "no-picture"
    assert refused("data:image/png", sources()) == "no-picture"


def test_files_are_read_below_the_roots_alone_whatever_links_and_dots_say(tmp_path: Path) -> None:
    inside, outside = tmp_path / "pictures", tmp_path / "private"
    inside.mkdir()
    outside.mkdir()
    (inside / "a b.jpg").write_bytes(b"picture")
    (inside / "large.jpg").write_bytes(b"x" * 1_001)
    (outside / "key").write_bytes(b"secret")
    (inside / "link").symlink_to(outside / "key")
    own = sources(inside)
    assert own.of_item(f"file://{inside}/a%20b.jpg") == b"picture"
    for path in (f"{inside}/link", f"{inside}/../private/key", f"{outside}/key", f"{inside}/absent", "/etc/passwd"):
        assert refused(f"file://{path}", own) == "not-allowed"
    assert refused(f"file://evil.example{inside}/a%20b.jpg", own) == "not-allowed"
    assert refused(f"file://{inside}", own) == "no-picture"
    assert refused(f"file://{inside}/large.jpg", own) == "too-large"
    with pytest.raises(BadPicture):
        own.of_user(f"file://{inside}/a%20b.jpg")
    assert refused(f"file://{inside}/a%20b.jpg", sources()) == "not-allowed"
