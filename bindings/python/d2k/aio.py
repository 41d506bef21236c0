"""The client for asyncio. One task works on the connection; the calls of others wait for what it finds out. No thread is
used but for the log-off, which waits."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any, AsyncIterator, Callable, Iterable, Optional, Sequence, TypeVar

from . import questions
from ._library import ffi, lib
from .connection import CHANGES_MAX, DEFINED_MS, Command, Connection, milliseconds
from .errors import D2kError, Disconnected, TimeoutExpired
from .objects import Definition, ObjectInfo, ProcessInfo
from .questions import Question
from .values import Change, Column, Content, Limits, ProcessAlarm, Type

SOCKETS_MAX = 16  # libd2k never has more
WANT_READ, WANT_WRITE = 1, 2  # D2K_WANT_READ, D2K_WANT_WRITE
EVENTS_AT_ONCE = 100  # then others have their turn

Answer = TypeVar("Answer")


class _Asked:
    """A question whose answer is not complete."""

    def __init__(self, take: Callable[[Any], Any]) -> None:
        self._take = take
        self.answers: list[Any] = []
        self.is_over = False
        self.error: Optional[D2kError] = None

    def hear(self, event: Any) -> None:
        answer = self._take(event)
        if answer is not None:
            self.answers.append(answer)
        if questions.is_end(event):
            self.end(questions.refusal(event))

    def end(self, error: Optional[D2kError]) -> None:
        self.is_over, self.error = True, error


class AsyncSubscription:
    """What is subscribed; ended by unsubscribe() or at the end of `async with`."""

    def __init__(self, client: "AsyncClient", request: int) -> None:
        self._client, self._request = client, request

    @property
    def lost(self) -> int:
        """Values that were lost since it is slower than they come, with `every`."""
        return self._client._lost.get(self._request, 0)

    async def unsubscribe(self) -> None:
        self._client._call(lambda client: lib.d2k_unsubscribe(client, self._request))

    async def __aenter__(self) -> "AsyncSubscription":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.unsubscribe()


class AsyncClient(Connection):
    """A process of a kernel for asyncio; several tasks may use it at once. `async with` connects and logs off; an
    exception in it leaves without log-off, which the kernel records as a crash. Publish, accept() and refuse() do not
    wait: what they say leaves when the program next awaits anything."""

    def __init__(self, *parameters: str, **more: Any) -> None:
        super().__init__(*parameters, **more)
        self._questions: dict[int, _Asked] = {}
        self._waiting: set["asyncio.Future[None]"] = set()
        self._ready: Optional[asyncio.Event] = None
        self._worker: Optional["asyncio.Task[None]"] = None
        self._ended: Optional[Exception] = None

    async def connect(self) -> "AsyncClient":
        """Returns when registered. Disconnected, TimeoutExpired."""
        self._call(lib.d2k_client_start)
        self._ready = asyncio.Event()
        self._worker = asyncio.get_running_loop().create_task(self._work(self._ready))
        await self._until(lambda: bool(lib.d2k_client_registered(self._handle())))
        return self

    async def close(self, *, log_off: bool = True) -> None:
        """Ends the connection; a second time does nothing."""
        if self._client is None:
            return
        client, self._client = self._client, None
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            await asyncio.wait({worker})
        self._end(Disconnected(lib.D2K_STATE, "the client is closed"))
        if log_off:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, lib.d2k_log_off, client, milliseconds(self.timeout))
        ffi.release(client)

    async def __aenter__(self) -> "AsyncClient":
        try:
            return await self.connect()
        except BaseException:
            await self.close(log_off=False)
            raise

    async def __aexit__(self, kind: Optional[type[BaseException]], *_: object) -> None:
        await self.close(log_off=kind is None)

    # ---- own objects ----

    async def flush(self) -> None:
        """Returns when the kernel has taken all that was published."""
        sequence, until = ffi.new("uint64_t *"), time.monotonic() + self.timeout
        self._acknowledged = -1
        while (code := lib.d2k_acknowledge(self._handle(), sequence)) == lib.D2K_AGAIN:
            if time.monotonic() > until:
                raise TimeoutExpired(lib.D2K_TIMEOUT, "the kernel has not answered in time")
            self._wake()
            await asyncio.sleep(DEFINED_MS / 1000)
        self._check(code)
        self._wake()
        await self._until(lambda: self._acknowledged >= int(sequence[0]))

    async def commands(self, timeout: Optional[float] = None) -> AsyncIterator[Command]:
        """What others set; ends after `timeout` seconds without one (None: never)."""
        async for command in self._take(self._commands, timeout):
            yield command

    # ---- objects of others ----

    async def subscribe(self, pattern: str, *, every: bool = False, min_interval: float = 0.0,
                        dead_band: Optional[float] = None) -> AsyncSubscription:
        """Changes of what matches come to changes(), beginning with what is there; `every`: each one, not only the
        newest. Without it: `min_interval`, seconds between two values of an object; `dead_band`, what a number has to
        differ by from the last one. Returns when the kernel has told what is there. RefusedError."""
        question = questions.subscribe(pattern, every, min_interval, dead_band)
        request = self._start(question)
        await self._await(request, question)
        return AsyncSubscription(self, request)

    async def changes(self, timeout: Optional[float] = None) -> AsyncIterator[Change]:
        """Changes of what is subscribed; ends after `timeout` seconds without one (None: never). While CHANGES_MAX wait
        to be taken no more are read."""
        async for change in self._take(self._changes, timeout):
            yield change

    async def set(self, name: str, content: Content, kind: Optional[Type] = None, *, wait: bool = True) -> None:
        """Sets an object of another process or of the kernel; returns with the outcome (`wait` False: when it is sent).
        RefusedError; TimeoutExpired: nobody can tell whether it was done."""
        question = questions.set_object(name, content, kind, wait)
        request = self._start(question)
        if wait:
            await self._await(request, question)

    async def read(self, pattern: str) -> list[Change]:
        return await self._answer(questions.read(pattern))

    async def read_snapshot(self, *patterns: str) -> list[Change]:
        """The values of all that matches at one moment: what a process publishes in one go is in it as a whole or not
        at all."""
        return await self._answer(questions.read_snapshot(patterns))

    async def history(self, name: str, count: int = 0) -> list[Change]:
        """The last changes of an object that the kernel has kept, oldest first; 0: all."""
        return await self._answer(questions.history(name, count))

    async def list_objects(self, pattern: str = "*", *, kind: Optional[Type] = None, owner: Optional[str] = None,
                           path: Optional[str] = None, valid: Optional[bool] = None) -> list[ObjectInfo]:
        """Objects that match, of one type, whose owner and path match patterns (owner "": the kernel), and whose value
        is valid or is not."""
        return await self._answer(questions.list_objects(pattern, kind, owner, path, valid))

    async def list_processes(self, pattern: str = "*") -> list[ProcessInfo]:
        return await self._answer(questions.list_processes(pattern))

    # ---- objects of the kernel, alarms, processes, users ----

    async def configure(self, name: str, kind: Type, description: str = "", unit: str = "", path: str = "", *,
                        default: Content = None, writable: bool = False, expression: str = "",
                        limits: Optional[Limits] = None, history: Optional[int] = None,
                        alarms: Optional[Iterable[ProcessAlarm]] = None, critical: bool = False,
                        columns: Sequence[Column] = ()) -> None:
        """Creates or changes a user variable, or with an expression a computed object; returns when it is on the
        kernel's disk."""
        definition = Definition(name, kind, description, unit, path, limits, history, alarms, critical,
                                writable, columns)
        definition.of_kernel(default, expression)
        await self._answer(questions.configure(definition))

    async def delete(self, name: str) -> None:
        """Deletes a user variable or a computed object."""
        await self._answer(questions.delete(name))

    async def acknowledge_alarms(self, pattern: str) -> int:
        """Somebody has seen the process alarms of what matches; returns how many waited. RefusedError: none may be."""
        count, = await self._answer(questions.acknowledge_alarms(pattern))
        return count

    async def start_process(self, name: str) -> None:
        """Starts a static process of the kernel's configuration; returns when its program was started."""
        await self._answer(questions.start_process(name))

    async def stop_process(self, name: str) -> None:
        """Returns when its program has ended."""
        await self._answer(questions.stop_process(name))

    async def restart_process(self, name: str) -> None:
        await self._answer(questions.restart_process(name))

    async def log_on(self, user: str, password: str) -> None:
        await self._answer(questions.log_on(user, password))

    async def log_off_user(self) -> None:
        await self._answer(questions.log_off_user())

    # ---- waiting for the worker ----

    def _call(self, function: Callable[[Any], Any]) -> None:
        if self._client is not None and self._ended is not None:
            raise self._ended
        super()._call(function)
        self._wake()

    async def _answer(self, question: Question[Answer]) -> list[Answer]:
        return await self._await(self._start(question), question)

    async def _await(self, request: int, question: Question[Answer]) -> list[Answer]:
        asked = self._questions[request] = _Asked(question.take)
        try:
            await self._until(lambda: asked.is_over)
        finally:
            del self._questions[request]
        if asked.error is not None:
            raise asked.error
        return asked.answers

    async def _until(self, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + self.timeout
        while not is_so():
            if not await self._news(until):
                raise TimeoutExpired(lib.D2K_TIMEOUT, "the kernel has not answered in time")

    async def _take(self, waiting: "deque[Any]", timeout: Optional[float]) -> AsyncIterator[Any]:
        while True:
            until = None if timeout is None else time.monotonic() + timeout
            while not waiting:
                if not await self._news(until):
                    return
            self._wake()
            yield waiting.popleft()

    async def _news(self, until: Optional[float]) -> bool:
        """Waits until the worker has done something. False: until then it has not; raises how it has ended."""
        if self._ended is not None:
            raise self._ended
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            return False
        something = asyncio.get_running_loop().create_future()
        self._waiting.add(something)
        await asyncio.wait({something}, timeout=left)
        self._waiting.discard(something)
        return True

    def _wake(self) -> None:
        """There is something to be sent, or room for changes again."""
        if self._ready is not None:
            self._ready.set()

    # ---- the worker ----

    async def _work(self, ready: asyncio.Event) -> None:
        try:
            while True:
                taken = self._take_events()
                self._tell()
                if taken == EVENTS_AT_ONCE:
                    await asyncio.sleep(0)
                else:
                    await self._wait_for_work(ready)
        except Exception as error:
            self._end(error)

    def _is_full(self) -> bool:
        return len(self._changes) >= CHANGES_MAX

    def _take_events(self) -> int:
        """How many; while changes wait to be taken and nobody awaits an answer it only keeps the connection alive."""
        taken = 0
        while taken < EVENTS_AT_ONCE:
            if self._is_full() and not self._questions:
                self._check(lib.d2k_client_process(self._handle()), Disconnected)
                break
            event = self._poll()
            if event is None:
                break
            self._hear(event)
            taken += 1
        return taken

    def _hear(self, event: Any) -> None:
        asked = self._questions.get(event.request)
        if asked is not None and not asked.is_over:
            asked.hear(event)
            return
        self._keep(event)
        if len(self._changes) > CHANGES_MAX:
            for waiting in self._questions.values():
                waiting.end(D2kError(lib.D2K_LIMIT, f"{CHANGES_MAX} changes wait to be taken"))

    def _tell(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    def _end(self, error: Exception) -> None:
        if self._ended is None:
            self._ended = error
        self._tell()

    async def _wait_for_work(self, ready: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        sockets = ffi.new("d2k_socket[]", SOCKETS_MAX)
        count = min(lib.d2k_client_sockets(self._handle(), sockets, SOCKETS_MAX), SOCKETS_MAX)
        deadline = lib.d2k_client_deadline_ms(self._handle())
        watched = [(sockets[i].socket, sockets[i].events) for i in range(count)]
        may_read = not (self._is_full() and not self._questions)
        ready.clear()
        for number, events in watched:
            if events & WANT_READ and may_read:
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
