"""The client: a process of a kernel. One thread at a time uses it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, AsyncIterator, Callable, Iterator, Optional

from ._library import ffi, lib, text
from .errors import D2kError, Disconnected, RefusedError, TimeoutExpired
from .values import (Change, Content, ObjectInfo, ProcessInfo, Status, Type, Value, check, encode, object_of,
                     process_of, value_of)

SOCKETS_MAX = 16  # libd2k never has more
WANT_READ, WANT_WRITE = 1, 2  # D2K_WANT_READ, D2K_WANT_WRITE
DEFINED_MS = 10  # that an object is defined is no event: look again so soon
CHANGES_MAX = 10_000  # that wait while an answer is awaited; more are an error, never a silent loss


class PublishedObject:
    """An object of this process."""

    def __init__(self, client: "Client", handle: Any, name: str, kind: Type) -> None:
        self._client, self._handle = client, handle
        self.name, self.type = name, kind

    def publish(self, content: Content, *, status: Status = Status.VALID, flags: int = 0, time: Any = None) -> None:
        """Its new value; it leaves when the client works next (any call that waits, or flush())."""
        value, _keep = encode(content, self.type, status, flags, time)
        self._client._check(lib.d2k_publish(self._handle, value))


class Subscription:
    """What is subscribed; ended by unsubscribe() or at the end of `with`."""

    def __init__(self, client: "Client", request: int) -> None:
        self._client, self._request = client, request

    def unsubscribe(self) -> None:
        self._client._check(lib.d2k_unsubscribe(self._client._handle(), self._request))

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *_: object) -> None:
        self.unsubscribe()


@dataclass(frozen=True)
class Command:
    """Somebody sets an object of this process; answer with accept() or refuse()."""

    name: str
    value: Value
    process: str
    user: str
    _client: "Client"
    _request: int

    def accept(self) -> None:
        self._client._check(lib.d2k_answer_command(self._client._handle(), self._request, lib.D2K_OK, ffi.NULL))

    def refuse(self, sentence: str) -> None:
        self._client._check(lib.d2k_answer_command(self._client._handle(), self._request, lib.D2K_REFUSED,
                                                   sentence.encode("utf-8")))


class Client:
    """A process of a kernel. `parameters` are the start parameters of every client ("@PLANT", "/Shmi1",
    "/WDispPC"...). `with` connects and logs off; an exception in it leaves without log-off, which the kernel records
    as a crash."""

    def __init__(self, *parameters: str, suffix: str = "API", user: Optional[str] = None,
                 password: Optional[str] = None, timeout: float = 60.0,
                 log: Optional[Callable[[str], None]] = None) -> None:
        self.timeout = timeout
        self._changes: deque[Change] = deque()
        self._commands: deque[Command] = deque()
        self._ended: Optional[D2kError] = None
        self._event = ffi.new("d2k_event *")
        self._log = ffi.callback("d2k_log_function", lambda _context, _level, line: log(text(line))) if log else None
        self._client: Any = self._new(self._configure(parameters, suffix, user, password))

    def _configure(self, parameters: tuple[str, ...], suffix: str, user: Optional[str],
                   password: Optional[str]) -> Any:
        made = ffi.new("d2k_config **")
        check(lib.d2k_config_new(suffix.encode(), ffi.NULL, made))
        config, what = made[0], ffi.new("d2k_parameter *")
        try:
            for parameter in parameters:
                check(lib.d2k_config_parameter(config, parameter.encode(), what), lib.d2k_config_error_text(config))
                if what[0] != lib.D2K_PARAMETER_TAKEN:
                    raise D2kError(lib.D2K_ARGUMENT, f"{parameter} is no start parameter of a client")
            if user is not None:
                secret = ffi.NULL if password is None else password.encode("utf-8")
                check(lib.d2k_config_set_user(config, user.encode("utf-8"), secret), lib.d2k_config_error_text(config))
        except BaseException:
            lib.d2k_config_free(config)
            raise
        if self._log is not None:
            lib.d2k_config_set_log(config, self._log, ffi.NULL)
        return config

    @staticmethod
    def _new(config: Any) -> Any:
        made, why = ffi.new("d2k_client **"), ffi.new("char **")
        code = lib.d2k_client_new(config, made, why)
        if code != lib.D2K_OK:
            raise D2kError(code, text(why[0]))  # the sentence is not freed: once, before the program ends
        return ffi.gc(made[0], lib.d2k_client_free)

    # ---- begin and end ----

    def connect(self) -> "Client":
        """Waits until registered. Disconnected."""
        self._check(lib.d2k_client_connect(self._handle(), self._ms(self.timeout)), Disconnected)
        return self

    def close(self, *, log_off: bool = True) -> None:
        """Ends the connection; a second time does nothing."""
        if self._client is None:
            return
        client, self._client = self._client, None
        if log_off:
            lib.d2k_log_off(client, self._ms(self.timeout))
        ffi.release(client)

    def __enter__(self) -> "Client":
        try:
            return self.connect()
        except BaseException:
            self.close(log_off=False)
            raise

    def __exit__(self, kind: Optional[type[BaseException]], *_: object) -> None:
        self.close(log_off=kind is None)

    @property
    def process_name(self) -> str:
        return text(lib.d2k_client_process_name(self._handle()))

    @property
    def tls_version(self) -> str:
        """"TLSv1.3"; "": a plain connection."""
        return text(lib.d2k_client_tls_version(self._handle()))

    # ---- own objects ----

    def define(self, name: str, kind: Type, description: str = "", unit: str = "", *,
               takes_commands: bool = False) -> PublishedObject:
        made = ffi.new("d2k_object **")
        self._check(lib.d2k_define(self._handle(), name.encode(), int(kind), description.encode("utf-8"),
                                   unit.encode("utf-8"), made))
        if takes_commands:
            self._check(lib.d2k_accept_commands(made[0], 0))
        return PublishedObject(self, made[0], name, kind)

    def flush(self) -> None:
        """Waits until the kernel has taken all that was published."""
        sequence, until = ffi.new("uint64_t *"), time.monotonic() + self.timeout
        while (code := lib.d2k_acknowledge(self._handle(), sequence)) == lib.D2K_AGAIN:
            self._step(until, most_ms=DEFINED_MS)
        self._check(code)
        while True:
            event = self._step(until)
            if event is not None and event.type == lib.D2K_EVENT_ACKNOWLEDGED and event.count >= sequence[0]:
                return

    def commands(self, timeout: Optional[float] = None) -> Iterator[Command]:
        """What others set; ends after `timeout` seconds without one (None: never)."""
        yield from self._take(self._commands, timeout)

    # ---- objects of others ----

    def subscribe(self, pattern: str, *, every: bool = False) -> Subscription:
        """Changes of what matches come to changes(), beginning with what is there; `every`: each one, not only the
        newest. Returns when the kernel has told what is there. RefusedError."""
        request = ffi.new("uint64_t *")
        mode = lib.D2K_EVERY if every else lib.D2K_LATEST
        self._check(lib.d2k_subscribe(self._handle(), pattern.encode(), mode, request))
        list(self._answers(request[0]))
        return Subscription(self, request[0])

    def changes(self, timeout: Optional[float] = None) -> Iterator[Change]:
        """Changes of what is subscribed; ends after `timeout` seconds without one (None: never)."""
        yield from self._take(self._changes, timeout)

    async def changes_async(self) -> AsyncIterator[Change]:
        """The same for asyncio, without a thread: waits on the client's sockets and its deadline."""
        while True:
            while self._changes:
                yield self._changes.popleft()
            if self._poll() is None and not self._changes:
                await self._wait_for_work()

    def set(self, name: str, content: Content, kind: Optional[Type] = None, *, wait: bool = True) -> None:
        """Sets an object of another process or of the kernel and waits for the outcome (`wait` False: only sent).
        RefusedError; TimeoutExpired: nobody can tell whether it was done."""
        request, (value, _keep) = ffi.new("uint64_t *"), encode(content, kind)
        mode = lib.D2K_SET_OUTCOME if wait else lib.D2K_SET_SENT
        self._check(lib.d2k_set(self._handle(), name.encode(), value, mode, request))
        if wait:
            list(self._answers(request[0]))

    def read(self, pattern: str) -> list[Change]:
        return [Change(text(e.object.name), value_of(e.value)) for e in self._ask(lib.d2k_read, pattern.encode())
                if e.type == lib.D2K_EVENT_VALUE]

    def list_objects(self, pattern: str = "*") -> list[ObjectInfo]:
        return [object_of(e.object) for e in self._ask(lib.d2k_list_objects, pattern.encode())
                if e.type == lib.D2K_EVENT_OBJECT]

    def list_processes(self, pattern: str = "*") -> list[ProcessInfo]:
        return [process_of(e.process) for e in self._ask(lib.d2k_list_processes, pattern.encode())
                if e.type == lib.D2K_EVENT_PROCESS]

    # ---- objects of the kernel, users ----

    def configure(self, name: str, kind: Type, description: str = "", unit: str = "", path: str = "") -> None:
        """Creates or changes a user variable; returns when it is on the kernel's disk."""
        words = [ffi.new("char[]", word.encode("utf-8")) for word in (name, description, unit, path)]
        definition = ffi.new("d2k_definition *")
        definition.size, definition.type = ffi.sizeof("d2k_definition"), int(kind)
        definition.name, definition.description, definition.unit, definition.path = words
        list(self._ask(lib.d2k_configure, definition))

    def delete(self, name: str) -> None:
        """Deletes a user variable."""
        list(self._ask(lib.d2k_delete, name.encode()))

    def log_on(self, user: str, password: str) -> None:
        list(self._ask(lib.d2k_log_on, user.encode("utf-8"), password.encode("utf-8")))

    def log_off_user(self) -> None:
        list(self._ask(lib.d2k_log_off_user))

    # ---- working ----

    def _handle(self) -> Any:
        if self._client is None:
            raise Disconnected(lib.D2K_STATE, "the client is closed")
        return self._client

    @staticmethod
    def _ms(seconds: float) -> int:
        return max(0, min(int(seconds * 1000), 2**31 - 1))

    def _check(self, code: int, error: type[D2kError] = D2kError) -> None:
        if code != lib.D2K_OK:
            raise error(code, text(lib.d2k_client_error_text(self._handle())))

    def _keep(self, event: Any) -> None:
        """What the program takes later is copied: an event lives until the next call."""
        if event.type == lib.D2K_EVENT_VALUE:
            if len(self._changes) >= CHANGES_MAX:
                raise D2kError(lib.D2K_LIMIT, f"{CHANGES_MAX} changes wait to be taken")
            self._changes.append(Change(text(event.object.name), value_of(event.value)))
        elif event.type == lib.D2K_EVENT_COMMAND:
            self._commands.append(Command(text(event.object.name), value_of(event.value), text(event.text),
                                          text(event.user), self, event.request))

    def _poll(self, timeout_ms: int = 0, request: int = 0) -> Any:
        """The next event; None: there is none. What belongs to no question is kept."""
        code = lib.d2k_client_next(self._handle(), self._event, timeout_ms)
        if code in (lib.D2K_AGAIN, lib.D2K_TIMEOUT):
            return None
        self._check(code, Disconnected)
        if request == 0 or self._event.request != request:
            self._keep(self._event)
        return self._event

    def _step(self, until: float, request: int = 0, most_ms: int = 2**31 - 1) -> Any:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutExpired(lib.D2K_TIMEOUT, "the kernel has not answered in time")
        return self._poll(min(self._ms(left) or 1, most_ms), request)

    def _ask(self, function: Any, *arguments: Any) -> Iterator[Any]:
        request = ffi.new("uint64_t *")
        self._check(function(self._handle(), *arguments, request))
        return self._answers(request[0])

    def _answers(self, request: int) -> Iterator[Any]:
        """Each event of a question; each holds until the next is taken."""
        until = time.monotonic() + self.timeout
        while True:
            event = self._step(until, request)
            if event is None or event.request != request:
                continue
            if event.type in (lib.D2K_EVENT_DONE, lib.D2K_EVENT_LOGGED_ON, lib.D2K_EVENT_SNAPSHOT_END):
                return
            if event.type in (lib.D2K_EVENT_FAILED, lib.D2K_EVENT_WRITE_RESULT):
                if event.result == lib.D2K_OK:
                    return
                error = TimeoutExpired if event.result == lib.D2K_UNKNOWN else RefusedError
                raise error(event.result, text(event.text))
            yield event

    def _take(self, waiting: "deque[Any]", timeout: Optional[float]) -> Iterator[Any]:
        while True:
            until = None if timeout is None else time.monotonic() + timeout
            while not waiting:
                left = -1 if until is None else self._ms(until - time.monotonic())
                if self._poll(left) is None and left == 0:
                    return
            yield waiting.popleft()

    # ---- asyncio ----

    async def _wait_for_work(self) -> None:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        sockets = ffi.new("d2k_socket[]", SOCKETS_MAX)
        count = min(lib.d2k_client_sockets(self._handle(), sockets, SOCKETS_MAX), SOCKETS_MAX)
        deadline = lib.d2k_client_deadline_ms(self._handle())
        watched = [(sockets[i].socket, sockets[i].events) for i in range(count)]
        for number, events in watched:
            if events & WANT_READ:
                loop.add_reader(number, ready.set)
            if events & WANT_WRITE:
                loop.add_writer(number, ready.set)
        try:
            await asyncio.wait_for(ready.wait(), None if deadline < 0 else deadline / 1000)
        except asyncio.TimeoutError:
            pass  # its deadline: it is to work now
        finally:
            for number, _events in watched:
                loop.remove_reader(number)
                loop.remove_writer(number)
