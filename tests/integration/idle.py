"""`python -m tests.integration.idle PROGRAM`: item statistics as Lifelong runs them, and nothing else of Lifelong.

Any other program answers its page and does nothing: for stacks without the servers that it needs.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module

from deploy.embedded.status import port_of
from deploy.settings import load_settings

REAL = "statistics"


class Healthy(BaseHTTPRequestHandler):
    """Answers every page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()


if __name__ == "__main__":
    if sys.argv[1] == REAL:
        import_module("deploy.cli.app").main()
    else:
        HTTPServer(("127.0.0.1", port_of(sys.argv[1], load_settings())), Healthy).serve_forever()
