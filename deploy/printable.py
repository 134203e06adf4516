r"""Text from data on a terminal or in a log: characters that would control either are shown instead of sent.

An escape sequence in an id or a title could recolour a terminal, rewrite its title or lines above, or answer on the
reader's behalf; a line break in a message could forge a line of the log; a change of direction could reorder a name.
"""

from __future__ import annotations

import logging
import re
from types import TracebackType

_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_HARMFUL = re.compile(rf"[{_CONTROLS}\n]")
_HARMFUL_IN_LINES = re.compile(rf"[{_CONTROLS}]")
_HARMFUL_IN_JSON = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""Return a text as one line: controls, line breaks, changes of direction and lone surrogates as their escapes.

    >>> printable("a\x1b[31mb\nc\u202ed\u009b")
    'a\\x1b[31mb\\nc\\u202ed\\x9b'
    """
    return _HARMFUL.sub(_escaped, text)


def printable_lines(text: str) -> str:
    r"""Return a text of several lines like `printable`; its line breaks stay.

    >>> printable_lines("a\x07\nb")
    'a\\x07\nb'
    """
    return _HARMFUL_IN_LINES.sub(_escaped, text)


def printable_json(text: str) -> str:
    r"""Return JSON with the same value, in which the characters that JSON leaves unescaped are escaped, too.

    >>> printable_json('{"a": "\x9b\u202e"}')
    '{"a": "\\u009b\\u202e"}'
    """
    return _HARMFUL_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] == "\n":
        return "\\n"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


class PrintableFormatter(logging.Formatter):
    r"""Formats log records so that nothing in a message controls a terminal, and a message is one line.

    >>> record = logging.LogRecord("x", logging.INFO, "", 0, "user %s", ("a\nb\x1b[2J",), None)
    >>> PrintableFormatter("%(levelname)s %(message)s").format(record)
    'INFO user a\\nb\\x1b[2J'
    """

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line of a record; its message is printable."""
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        """Return a traceback, printable."""
        return printable_lines(super().formatException(ei))
