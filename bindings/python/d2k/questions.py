"""What the kernel is asked: how it is sent, what of the answer counts, and when it is complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Generic, Optional, TypeVar

from ._library import ffi, lib, text
from .errors import D2kError, RefusedError, TimeoutExpired
from .objects import Definition, ObjectInfo, ProcessInfo, object_of, process_of
from .values import Change, Content, Type, encode, value_of

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Question(Generic[Answer]):
    ask: Callable[[Any, Any], Any]  # of a d2k_client and the place for the request
    take: Callable[[Any], Optional[Answer]]  # of an event of the answer, also the last; None: it says nothing


def is_end(event: Any) -> bool:
    return event.type in (lib.D2K_EVENT_DONE, lib.D2K_EVENT_LOGGED_ON, lib.D2K_EVENT_SNAPSHOT_END,
                          lib.D2K_EVENT_FAILED, lib.D2K_EVENT_WRITE_RESULT)


def refusal(event: Any) -> Optional[D2kError]:
    """Of an event that ends an answer."""
    if event.type not in (lib.D2K_EVENT_FAILED, lib.D2K_EVENT_WRITE_RESULT) or event.result == lib.D2K_OK:
        return None
    error = TimeoutExpired if event.result == lib.D2K_UNKNOWN else RefusedError
    return error(event.result, text(event.text))


def change_of(event: Any) -> Change:
    return Change(text(event.object.name), value_of(event.value))


def _take_change(event: Any) -> Optional[Change]:
    return change_of(event) if event.type == lib.D2K_EVENT_VALUE else None


def _take_object(event: Any) -> Optional[ObjectInfo]:
    return object_of(event.object) if event.type == lib.D2K_EVENT_OBJECT else None


def _take_process(event: Any) -> Optional[ProcessInfo]:
    return process_of(event.process) if event.type == lib.D2K_EVENT_PROCESS else None


def _take_count(event: Any) -> Optional[int]:
    return int(event.count) if event.type == lib.D2K_EVENT_DONE else None


def _take_nothing(_event: Any) -> None:
    return None


def read(pattern: str) -> Question[Change]:
    return Question(lambda client, request: lib.d2k_read(client, pattern.encode(), request), _take_change)


def read_snapshot(patterns: tuple[str, ...]) -> Question[Change]:
    words = [ffi.new("char[]", pattern.encode()) for pattern in patterns]
    return Question(lambda client, request: lib.d2k_read_snapshot(client, words, len(words), request), _take_change)


def history(name: str, count: int) -> Question[Change]:
    return Question(lambda client, request: lib.d2k_history(client, name.encode(), count, request), _take_change)


def list_objects(pattern: str, kind: Optional[Type], owner: Optional[str], path: Optional[str],
                 valid: Optional[bool]) -> Question[ObjectInfo]:
    texts = [ffi.NULL if word is None else ffi.new("char[]", word.encode("utf-8")) for word in (owner, path)]
    wanted = ffi.new("d2k_filter *")
    wanted.size, wanted.type = ffi.sizeof("d2k_filter"), int(kind or Type.NONE)
    wanted.owner, wanted.path = texts
    wanted.quality = (lib.D2K_QUALITY_ANY if valid is None else
                      lib.D2K_QUALITY_VALID if valid else lib.D2K_QUALITY_INVALID)

    def ask(client: Any, request: Any, _kept: Any = texts) -> Any:
        return lib.d2k_list_objects_where(client, pattern.encode(), wanted, request)
    return Question(ask, _take_object)


def list_processes(pattern: str) -> Question[ProcessInfo]:
    return Question(lambda client, request: lib.d2k_list_processes(client, pattern.encode(), request), _take_process)


def subscribe(pattern: str, every: bool, min_interval: float, dead_band: Optional[float]) -> Question[None]:
    options = ffi.new("d2k_subscription_options *")
    options.size, options.mode = ffi.sizeof("d2k_subscription_options"), lib.D2K_EVERY if every else lib.D2K_LATEST
    options.min_interval_ms = round(min_interval * 1000)
    options.has_dead_band, options.dead_band = dead_band is not None, dead_band or 0.0
    return Question(lambda client, request: lib.d2k_subscribe_with(client, pattern.encode(), options, request),
                    _take_nothing)


def set_object(name: str, content: Content, kind: Optional[Type], wait: bool) -> Question[None]:
    value, kept = encode(content, kind)
    mode = lib.D2K_SET_OUTCOME if wait else lib.D2K_SET_SENT

    def ask(client: Any, request: Any, _kept: Any = kept) -> Any:
        return lib.d2k_set(client, name.encode(), value, mode, request)
    return Question(ask, _take_nothing)


def configure(definition: Definition) -> Question[None]:
    return Question(lambda client, request: lib.d2k_configure(client, definition.pointer, request), _take_nothing)


def delete(name: str) -> Question[None]:
    return Question(lambda client, request: lib.d2k_delete(client, name.encode(), request), _take_nothing)


def acknowledge_alarms(pattern: str) -> Question[int]:
    return Question(lambda client, request: lib.d2k_acknowledge_alarm(client, pattern.encode(), request), _take_count)


def start_process(name: str) -> Question[None]:
    return Question(lambda client, request: lib.d2k_start_process(client, name.encode(), request), _take_nothing)


def stop_process(name: str) -> Question[None]:
    return Question(lambda client, request: lib.d2k_stop_process(client, name.encode(), request), _take_nothing)


def restart_process(name: str) -> Question[None]:
    return Question(lambda client, request: lib.d2k_restart_process(client, name.encode(), request), _take_nothing)


def log_on(user: str, password: str) -> Question[None]:
    return Question(lambda client, request: lib.d2k_log_on(client, user.encode("utf-8"), password.encode("utf-8"),
                                                           request), _take_nothing)


def log_off_user() -> Question[None]:
    return Question(lib.d2k_log_off_user, _take_nothing)
