"""Waiting for a condition with a deadline; nothing in the tests waits for time to pass."""

import os
import threading
import time

# Sanitizers make programs several times slower; what a test waits for at most grows with them.
SLOWNESS = 5 if os.environ.get("D2K_SANITIZER") else 1
DEADLINE_S = 20 * SLOWNESS
_INTERVAL_S = 0.02


def eventually(condition, timeout_s=DEADLINE_S, what="the condition"):
    """Returns the first true value of condition(); fails when there is none until the deadline."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true in {timeout_s:g} s")
        pause(_INTERVAL_S)


def pause(seconds):
    """The step of a poll or the beat of a load, never a wait for somebody else's work."""
    threading.Event().wait(seconds)
