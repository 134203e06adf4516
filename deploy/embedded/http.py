"""Checks over HTTP whether a process on this machine is healthy."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request

BODY_BYTES = 300


def _without_names() -> ssl.SSLContext:
    """Return a context that checks no certificate: a process is asked at this machine's address, which is not the name
    in its certificate, and nothing secret is sent.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


# The user's proxy must not see requests to this machine.
DIRECT = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_without_names())
)


def answers(url: str, timeout: float = 2.0) -> bool:
    """Return whether GET ``url`` is answered with a status below 400 within ``timeout`` seconds."""
    return not problem_at(url, timeout)


def problem_at(url: str, timeout: float = 2.0) -> str:
    """Return why GET ``url`` fails; empty if it is answered with a status below 400."""
    try:
        with DIRECT.open(url, timeout=timeout) as answer:
            answer.read()
    except urllib.error.HTTPError as exc:
        body = exc.read(BODY_BYTES).decode(errors="replace")
        exc.close()
        return f"GET {url} answered {exc.code}: {body}" if body else f"GET {url} answered {exc.code}"
    except OSError as exc:
        return f"GET {url} failed: {exc}"
    return ""
