"""What Client and AsyncClient share: a d2k_client, its own objects, and what waits to be taken."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Optional, Sequence

from ._library import ffi, lib, owned_text, text
from .errors import D2kError, Disconnected
from .objects import Definition
from .questions import Question, change_of
from .values import Change, Column, Content, Limits, ProcessAlarm, Status, Type, Value, encode, value_of

DEFINED_MS = 10  # that an object is defined is no event: look again so soon
CHANGES_MAX = 10_000  # that wait to be taken
MILLISECONDS_MAX = 2**31 - 1


def milliseconds(seconds: float) -> int:
    return max(0, min(int(seconds * 1000), MILLISECONDS_MAX))


class PublishedObject:
    """An object of this process."""

    def __init__(self, connection: "Connection", handle: Any, name: str, kind: Type) -> None:
        self._connection, self._handle = connection, handle
        self.name, self.type = name, kind

    def publish(self, content: Content, *, status: Status = Status.VALID, flags: int = 0, time: Any = None) -> None:
        """Its new value; it leaves when the client works next (any call that waits, or flush())."""
        value, _keep = encode(content, self.type, status, flags, time)
        self._connection._call(lambda _client: lib.d2k_publish(self._handle, value))


@dataclass(frozen=True)
class Command:
    """Somebody sets an object of this process; answer with accept() or refuse()."""

    name: str
    value: Value
    process: str
    user: str
    _connection: "Connection"
    _request: int

    def accept(self) -> None:
        self._connection._call(
            lambda client: lib.d2k_answer_command(client, self._request, lib.D2K_OK, ffi.NULL))

    def refuse(self, sentence: str) -> None:
        self._connection._call(
            lambda client: lib.d2k_answer_command(client, self._request, lib.D2K_REFUSED, sentence.encode("utf-8")))


class Connection:
    """A process of a kernel. `parameters` are the start parameters of every client ("@PLANT", "/Shmi1", "/WDispPC"...).
    `local`: over the local socket of the kernel on this machine, for administration. `timeout`: seconds that connecting
    and each answer may take. `log` gets each line of its log."""

    def __init__(self, *parameters: str, suffix: str = "API", user: Optional[str] = None,
                 password: Optional[str] = None, local: bool = False, timeout: float = 60.0,
                 log: Optional[Callable[[str], None]] = None) -> None:
        self.timeout = timeout
        self._changes: deque[Change] = deque()
        self._commands: deque[Command] = deque()
        self._lost: dict[int, int] = {}
        self._acknowledged = -1  # what the kernel has taken, since flush() began
        self._event = ffi.new("d2k_event *")
        self._log = ffi.callback("d2k_log_function", lambda _context, _level, line: log(text(line))) if log else None
        self._client: Any = self._new(self._configure(parameters, suffix, user, password, local))

    def _configure(self, parameters: tuple[str, ...], suffix: str, user: Optional[str],
                   password: Optional[str], local: bool) -> Any:
        made = ffi.new("d2k_config **")
        code = lib.d2k_config_new(suffix.encode(), ffi.NULL, made)
        if code != lib.D2K_OK:
            raise D2kError(code, f"suffix {suffix}")
        config = made[0]
        try:
            for parameter in parameters:
                self._take_parameter(config, parameter)
            if user is not None:
                secret = ffi.NULL if password is None else password.encode("utf-8")
                code = lib.d2k_config_set_user(config, user.encode("utf-8"), secret)
                if code != lib.D2K_OK:
                    raise D2kError(code, text(lib.d2k_config_error_text(config)))
        except BaseException:
            lib.d2k_config_free(config)
            raise
        lib.d2k_config_set_local(config, local)
        if self._log is not None:
            lib.d2k_config_set_log(config, self._log, ffi.NULL)
        return config

    @staticmethod
    def _take_parameter(config: Any, parameter: str) -> None:
        what = ffi.new("d2k_parameter *")
        code = lib.d2k_config_parameter(config, parameter.encode(), what)
        if code != lib.D2K_OK:
            raise D2kError(code, text(lib.d2k_config_error_text(config)))
        if what[0] != lib.D2K_PARAMETER_TAKEN:
            raise D2kError(lib.D2K_ARGUMENT, f"{parameter} is no start parameter of a client")

    @staticmethod
    def _new(config: Any) -> Any:
        made, why = ffi.new("d2k_client **"), ffi.new("char **")
        code = lib.d2k_client_new(config, made, why)
        if code != lib.D2K_OK:
            raise D2kError(code, owned_text(why[0]))
        return ffi.gc(made[0], lib.d2k_client_free)

    @property
    def process_name(self) -> str:
        return text(lib.d2k_client_process_name(self._handle()))

    @property
    def tls_version(self) -> str:
        """"TLSv1.3"; "": a plain connection."""
        return text(lib.d2k_client_tls_version(self._handle()))

    # ---- own objects ----

    def define(self, name: str, kind: Type, description: str = "", unit: str = "", *, path: str = "",
               limits: Optional[Limits] = None, history: Optional[int] = None,
               alarms: Optional[Iterable[ProcessAlarm]] = None, critical: bool = False,
               columns: Sequence[Column] = (), takes_commands: bool = False) -> PublishedObject:
        """Declares an object of this process, or says anew what it is. `history`: changes that the kernel keeps, 0 for
        none; without it as its configuration says. `alarms`: process alarms that it gives; none of them: it is silent;
        without it it has no alarms. `columns`: of a Structure; of an Array one, without a name."""
        made = ffi.new("d2k_object **")
        definition = Definition(name, kind, description, unit, path, limits, history, alarms, critical,
                                takes_commands, columns)
        self._call(lambda client: lib.d2k_define_with(client, definition.pointer, made))
        return PublishedObject(self, made[0], name, kind)

    # ---- working ----

    def _handle(self) -> Any:
        if self._client is None:
            raise Disconnected(lib.D2K_STATE, "the client is closed")
        return self._client

    def _check(self, code: int, error: type[D2kError] = D2kError) -> None:
        if code != lib.D2K_OK:
            raise error(code, text(lib.d2k_client_error_text(self._handle())))

    def _call(self, function: Callable[[Any], Any]) -> None:
        self._check(function(self._handle()))

    def _start(self, question: Question[Any]) -> int:
        """Asks; returns the request."""
        request = ffi.new("uint64_t *")
        self._call(lambda client: question.ask(client, request))
        return int(request[0])

    def _poll(self, timeout_ms: int = 0) -> Any:
        """The next event, which holds until the next call; None: there is none."""
        code = lib.d2k_client_next(self._handle(), self._event, timeout_ms)
        if code in (lib.D2K_AGAIN, lib.D2K_TIMEOUT):
            return None
        self._check(code, Disconnected)
        return self._event

    def _keep(self, event: Any) -> None:
        """What belongs to no question, for who takes it later. An answer that nobody awaits any more is none of it."""
        if event.type == lib.D2K_EVENT_VALUE and event.request == 0:
            self._changes.append(change_of(event))
        elif event.type == lib.D2K_EVENT_COMMAND:
            self._commands.append(Command(text(event.object.name), value_of(event.value), text(event.text),
                                          text(event.user), self, event.request))
        elif event.type == lib.D2K_EVENT_OVERRUN:
            self._lost[event.request] = self._lost.get(event.request, 0) + event.count
        elif event.type == lib.D2K_EVENT_ACKNOWLEDGED:
            self._acknowledged = max(self._acknowledged, event.count)
