"""What commands ask of the running gateway, with the key of the settings."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from deploy.cli.shown import NothingDone
from deploy.embedded.http import DIRECT
from deploy.settings import Settings

ANSWER_SECONDS = 30.0


def ask_gateway(
    settings: Settings,
    method: str,
    path: str,
    parameters: Mapping[str, object] | None = None,
    body: bytes | None = None,
) -> Any:
    """Return the gateway's answer, decoded; empty parameters are left out.

    Raises:
        NothingDone: the gateway is away, or refuses; the message has its reason.
    """
    key = settings.gateway.api_keys[0].get_secret_value() if settings.gateway.api_keys else ""
    query = urlencode({name: str(value) for name, value in (parameters or {}).items() if value not in ("", None)})
    url = f"{settings.gateway.url}{path}{f'?{query}' if query else ''}"
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with DIRECT.open(request, timeout=ANSWER_SECONDS) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as exc:
        detail = exc.read(2_000).decode(errors="replace")
        exc.close()
        raise NothingDone(f"the gateway answered {exc.code}: {detail}") from exc
    except (OSError, ValueError) as exc:
        raise NothingDone(f"the gateway at {url} does not answer: {exc}; `lifelong status` shows it") from exc
