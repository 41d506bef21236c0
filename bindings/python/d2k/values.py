"""Values and objects as Python has them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Optional, Union

from ._library import ffi, lib, text
from .errors import D2kError

Content = Union[None, bool, int, float, str, datetime, timedelta]

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1


class Type(enum.IntEnum):
    """Type of an object."""

    NONE = 0
    BOOLEAN = 1
    INTEGER = 2
    REAL = 3
    ABSOLUTE_TIME = 4
    RELATIVE_TIME = 5
    TEXT = 6


class Status(enum.IntFlag):
    """Status bits of a value."""

    VALID = 0x001
    PROC_ALARM = 0x002
    NO_ACK_PALARM = 0x004
    PR_AL_SILENT = 0x008
    WEAK = 0x010
    NO_ACK_VALUE = 0x020
    TRANSIENT = 0x040
    DEFAULT = 0x080
    MANUAL = 0x100
    PR_AL_CRIT = 0x200


@dataclass(frozen=True)
class Value:
    """A value that was received. Times are in UTC, to the microsecond; `time_ns` is exact."""

    content: Content  # None: there is none, or its type is unknown here
    status: Status
    flags: int
    time_ns: int
    past: bool

    @property
    def valid(self) -> bool:
        return Status.VALID in self.status

    @property
    def time(self) -> datetime:
        return _datetime(self.time_ns)


@dataclass(frozen=True)
class ObjectInfo:
    """What an object is. `type` is a plain number when it is one that is unknown here."""

    hobj: int
    name: str
    type: int
    description: str
    unit: str
    owner: str
    writable: bool


@dataclass(frozen=True)
class ProcessInfo:
    """A process that the kernel knows. `state`: 0 running, 1 stopped, 2 crashed, 3 watchdog missing."""

    name: str
    state: int
    version: str
    computer: str
    address: str
    tls_version: str
    verified: bool


@dataclass(frozen=True)
class Change:
    """A value of an object."""

    name: str
    value: Value


def _datetime(ns: int) -> datetime:
    return EPOCH + timedelta(microseconds=ns // 1000)


def _ns(duration: timedelta) -> int:
    return (duration.days * 86400 + duration.seconds) * 10**9 + duration.microseconds * 1000


def _content(value: Any) -> Content:
    content = value.content
    kind = int(value.type)
    if kind == Type.BOOLEAN:
        return bool(content.boolean)
    if kind == Type.INTEGER:
        return int(content.integer)
    if kind == Type.REAL:
        return float(content.real)
    if kind == Type.ABSOLUTE_TIME:
        return _datetime(content.absolute_time_ns)
    if kind == Type.RELATIVE_TIME:
        return timedelta(microseconds=content.relative_time_ns // 1000)
    if kind == Type.TEXT:
        raw = ffi.buffer(content.text.data, content.text.size)[:] if content.text.size else b""
        return bytes(raw).decode("utf-8", "replace")
    return None


def value_of(value: Any) -> Value:
    return Value(_content(value), Status(value.status), value.flags, value.time_ns, value.past)


def object_of(info: Any) -> ObjectInfo:
    return ObjectInfo(info.hobj, text(info.name), int(info.type), text(info.description), text(info.unit),
                      text(info.owner), bool(info.writable))


def process_of(info: Any) -> ProcessInfo:
    return ProcessInfo(text(info.name), int(info.state), text(info.version), text(info.computer), text(info.address),
                       text(info.tls_version), bool(info.verified))


def type_of(content: Content) -> Type:
    """The type that a content has by itself."""
    for kind, name in ((bool, Type.BOOLEAN), (int, Type.INTEGER), (float, Type.REAL), (str, Type.TEXT),
                       (datetime, Type.ABSOLUTE_TIME), (timedelta, Type.RELATIVE_TIME)):
        if isinstance(content, kind):
            return name
    raise TypeError(f"{type(content).__name__} is no content of a value")


def _convert(content: Content, kind: Type) -> Content:
    """An int is a real where a real is wanted; nothing else is converted."""
    if kind == Type.REAL and isinstance(content, int) and not isinstance(content, bool):
        return float(content)
    if type_of(content) != kind:
        raise TypeError(f"{content!r} is no {kind.name}")
    return content


def encode(content: Content, kind: Optional[Type] = None, status: Status = Status.VALID, flags: int = 0,
           time: Optional[datetime] = None) -> tuple[Any, Any]:
    """A d2k_value, and what must live as long as it. TypeError, OverflowError, ValueError (a time without zone)."""
    kind = type_of(content) if kind is None else kind
    content = _convert(content, kind)
    value = ffi.new("d2k_value *")
    value.type, value.status, value.flags = int(kind), int(status), flags
    value.time_ns = 0 if time is None else _since_epoch(time)
    keep = None
    if isinstance(content, bool):
        value.content.boolean = content
    elif isinstance(content, int):
        value.content.integer = content
    elif isinstance(content, float):
        value.content.real = content
    elif isinstance(content, datetime):
        value.content.absolute_time_ns = _since_epoch(content)
    elif isinstance(content, timedelta):
        value.content.relative_time_ns = _ns(content)
    elif isinstance(content, str):
        raw = content.encode("utf-8")
        keep = ffi.new("char[]", raw)
        value.content.text.data, value.content.text.size = keep, len(raw)
    return value, keep


def _since_epoch(time: datetime) -> int:
    if time.tzinfo is None:
        raise ValueError("a time needs a zone: datetime.now(timezone.utc)")
    return _ns(time - EPOCH)


def check(code: int, sentence: Any = None, error: type[D2kError] = D2kError) -> None:
    """Raises what a result means; D2K_OK is nothing."""
    if code != lib.D2K_OK:
        raise error(code, text(sentence) if sentence is not None else "")
