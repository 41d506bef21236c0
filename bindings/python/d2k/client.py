"""The client whose calls wait. One thread at a time uses it."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Iterable, Iterator, Optional, Sequence, TypeVar

from . import questions
from ._library import ffi, lib
from .connection import CHANGES_MAX, DEFINED_MS, MILLISECONDS_MAX, Command, Connection, milliseconds
from .errors import D2kError, Disconnected, TimeoutExpired
from .objects import Definition, ObjectInfo, ProcessInfo
from .questions import Question
from .values import Change, Column, Content, Limits, ProcessAlarm, Type

Answer = TypeVar("Answer")


class Subscription:
    """What is subscribed; ended by unsubscribe() or at the end of `with`."""

    def __init__(self, client: "Client", request: int) -> None:
        self._client, self._request = client, request

    @property
    def lost(self) -> int:
        """Values that were lost since it is slower than they come, with `every`."""
        return self._client._lost.get(self._request, 0)

    def unsubscribe(self) -> None:
        self._client._call(lambda client: lib.d2k_unsubscribe(client, self._request))

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *_: object) -> None:
        self.unsubscribe()


class Client(Connection):
    """A process of a kernel whose calls wait. `with` connects and logs off; an exception in it leaves without log-off,
    which the kernel records as a crash."""

    def connect(self) -> "Client":
        """Waits until registered. Disconnected."""
        self._check(lib.d2k_client_connect(self._handle(), milliseconds(self.timeout)), Disconnected)
        return self

    def close(self, *, log_off: bool = True) -> None:
        """Ends the connection; a second time does nothing."""
        if self._client is None:
            return
        client, self._client = self._client, None
        if log_off:
            lib.d2k_log_off(client, milliseconds(self.timeout))
        ffi.release(client)

    def __enter__(self) -> "Client":
        try:
            return self.connect()
        except BaseException:
            self.close(log_off=False)
            raise

    def __exit__(self, kind: Optional[type[BaseException]], *_: object) -> None:
        self.close(log_off=kind is None)

    # ---- own objects ----

    def flush(self) -> None:
        """Waits until the kernel has taken all that was published."""
        sequence, until = ffi.new("uint64_t *"), time.monotonic() + self.timeout
        self._acknowledged = -1
        while (code := lib.d2k_acknowledge(self._handle(), sequence)) == lib.D2K_AGAIN:
            self._step(until, most_ms=DEFINED_MS)
        self._check(code)
        while self._acknowledged < sequence[0]:
            self._step(until)

    def commands(self, timeout: Optional[float] = None) -> Iterator[Command]:
        """What others set; ends after `timeout` seconds without one (None: never)."""
        yield from self._take(self._commands, timeout)

    # ---- objects of others ----

    def subscribe(self, pattern: str, *, every: bool = False, min_interval: float = 0.0,
                  dead_band: Optional[float] = None) -> Subscription:
        """Changes of what matches come to changes(), beginning with what is there; `every`: each one, not only the
        newest. Without it: `min_interval`, seconds between two values of an object; `dead_band`, what a number has to
        differ by from the last one. Returns when the kernel has told what is there. RefusedError."""
        request = self._start(questions.subscribe(pattern, every, min_interval, dead_band))
        self._await(request)
        return Subscription(self, request)

    def changes(self, timeout: Optional[float] = None) -> Iterator[Change]:
        """Changes of what is subscribed; ends after `timeout` seconds without one (None: never)."""
        yield from self._take(self._changes, timeout)

    def set(self, name: str, content: Content, kind: Optional[Type] = None, *, wait: bool = True) -> None:
        """Sets an object of another process or of the kernel and waits for the outcome (`wait` False: only sent).
        RefusedError; TimeoutExpired: nobody can tell whether it was done."""
        request = self._start(questions.set_object(name, content, kind, wait))
        if wait:
            self._await(request)

    def read(self, pattern: str) -> list[Change]:
        return self._answer(questions.read(pattern))

    def read_snapshot(self, *patterns: str) -> list[Change]:
        """The values of all that matches at one moment: what a process publishes in one go is in it as a whole or not
        at all."""
        return self._answer(questions.read_snapshot(patterns))

    def history(self, name: str, count: int = 0) -> list[Change]:
        """The last changes of an object that the kernel has kept, oldest first; 0: all."""
        return self._answer(questions.history(name, count))

    def list_objects(self, pattern: str = "*", *, kind: Optional[Type] = None, owner: Optional[str] = None,
                     path: Optional[str] = None, valid: Optional[bool] = None) -> list[ObjectInfo]:
        """Objects that match, of one type, whose owner and path match patterns (owner "": the kernel), and whose value
        is valid or is not."""
        return self._answer(questions.list_objects(pattern, kind, owner, path, valid))

    def list_processes(self, pattern: str = "*") -> list[ProcessInfo]:
        return self._answer(questions.list_processes(pattern))

    # ---- objects of the kernel, alarms, processes, users ----

    def configure(self, name: str, kind: Type, description: str = "", unit: str = "", path: str = "", *,
                  default: Content = None, writable: bool = False, expression: str = "",
                  limits: Optional[Limits] = None, history: Optional[int] = None,
                  alarms: Optional[Iterable[ProcessAlarm]] = None, critical: bool = False,
                  columns: Sequence[Column] = ()) -> None:
        """Creates or changes a user variable, or with an expression a computed object; returns when it is on the
        kernel's disk."""
        definition = Definition(name, kind, description, unit, path, limits, history, alarms, critical,
                                writable, columns)
        definition.of_kernel(default, expression)
        self._answer(questions.configure(definition))

    def delete(self, name: str) -> None:
        """Deletes a user variable or a computed object."""
        self._answer(questions.delete(name))

    def acknowledge_alarms(self, pattern: str) -> int:
        """Somebody has seen the process alarms of what matches; returns how many waited. RefusedError: none may be."""
        count, = self._answer(questions.acknowledge_alarms(pattern))
        return count

    def start_process(self, name: str) -> None:
        """Starts a static process of the kernel's configuration; returns when its program was started."""
        self._answer(questions.start_process(name))

    def stop_process(self, name: str) -> None:
        """Returns when its program has ended."""
        self._answer(questions.stop_process(name))

    def restart_process(self, name: str) -> None:
        self._answer(questions.restart_process(name))

    def log_on(self, user: str, password: str) -> None:
        self._answer(questions.log_on(user, password))

    def log_off_user(self) -> None:
        self._answer(questions.log_off_user())

    # ---- working ----

    def _answer(self, question: Question[Answer]) -> list[Answer]:
        return self._await(self._start(question), question)

    def _await(self, request: int, question: Optional[Question[Answer]] = None) -> list[Answer]:
        """All that counts of the answer, once it is complete."""
        until = time.monotonic() + self.timeout
        answers: list[Answer] = []
        while True:
            event = self._step(until, request)
            if event is None or event.request != request:
                continue
            answer = question.take(event) if question is not None else None
            if answer is not None:
                answers.append(answer)
            if questions.is_end(event):
                error = questions.refusal(event)
                if error is not None:
                    raise error
                return answers

    def _step(self, until: float, request: int = 0, most_ms: int = MILLISECONDS_MAX) -> Any:
        """The next event; None: none yet. What does not belong to the request is kept."""
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutExpired(lib.D2K_TIMEOUT, "the kernel has not answered in time")
        event = self._poll(min(milliseconds(left) or 1, most_ms))
        if event is not None and (request == 0 or event.request != request):
            self._keep(event)
            if len(self._changes) > CHANGES_MAX:
                raise D2kError(lib.D2K_LIMIT, f"{CHANGES_MAX} changes wait to be taken")
        return event

    def _take(self, waiting: "deque[Any]", timeout: Optional[float]) -> Iterator[Any]:
        while True:
            until = None if timeout is None else time.monotonic() + timeout
            while not waiting:
                left = -1 if until is None else milliseconds(until - time.monotonic())
                event = self._poll(left)
                if event is not None:
                    self._keep(event)
                elif left == 0:
                    return
            yield waiting.popleft()
