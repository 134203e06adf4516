"""`python -m tests.integration.idle PROGRAM`: item statistics as Lifelong runs them, and nothing else of Lifelong.

Any other program answers its page and does nothing: for stacks without the servers that it needs.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module

from deploy.settings import load_settings
from deploy.settings.ports import process_ports

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
        HTTPServer(("127.0.0.1", process_ports(load_settings())[sys.argv[1]]), Healthy).serve_forever()
