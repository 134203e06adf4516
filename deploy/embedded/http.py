"""Ask a process on this machine over HTTP whether it is well."""

from __future__ import annotations

import urllib.error
import urllib.request

SAID_BYTES = 300
# A proxy of the user's has nothing to do with a request to this machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(url: str, timeout: float = 2.0) -> bool:
    """True if GET ``url`` is answered with a status below 400 within ``timeout`` seconds."""
    return not problem_at(url, timeout)


def problem_at(url: str, timeout: float = 2.0) -> str:
    """Empty if GET ``url`` is answered well, else the reason."""
    try:
        with _direct.open(url, timeout=timeout) as answer:
            answer.read()
    except urllib.error.HTTPError as exc:
        said = exc.read(SAID_BYTES).decode(errors="replace")
        exc.close()
        return f"GET {url} answered {exc.code}: {said}" if said else f"GET {url} answered {exc.code}"
    except OSError as exc:
        return f"GET {url} failed: {exc}"
    return ""
