"""What is raised when libd2k says no."""

from __future__ import annotations

from ._library import lib, text


class D2kError(Exception):
    """`code` is the number of a d2k_result, `name` what it is called ("NOT_FOUND"), `sentence` what happened in this one
    case."""

    def __init__(self, code: int, sentence: str = "") -> None:
        self.code = code
        self.name = text(lib.d2k_result_name(code))
        self.sentence = sentence or text(lib.d2k_result_text(code))
        super().__init__(f"{self.sentence} ({self.name})")


class RefusedError(D2kError):
    """The kernel, or the owner of an object, refused a question; the connection goes on."""


class TimeoutExpired(D2kError, TimeoutError):
    """Nothing came in time; the outcome is not known."""


class Disconnected(D2kError, ConnectionError):
    """The connection could not be made, or is over."""
