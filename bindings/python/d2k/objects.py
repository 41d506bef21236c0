"""Objects and processes: what is said of them, and what the kernel tells."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Any, Iterable, Optional, Sequence

from ._library import ffi, lib, text
from .values import Column, Content, Limits, ProcessAlarm, Type, alarms_of, encode, put_columns, value_of

HISTORY_NONE = 0xFFFFFFFF  # D2K_HISTORY_NONE


class Kind(enum.IntEnum):
    """What an object is."""

    PROCESS = 0  # a process gives its values
    USER_VARIABLE = 1
    COMPUTED = 2
    SYSTEM_TAG = 3


@dataclass(frozen=True)
class ObjectInfo:
    """What an object is. `type` and `kind` are plain numbers when they are unknown here."""

    hobj: int
    name: str
    type: int
    description: str
    unit: str
    owner: str  # process name; "": the kernel
    writable: bool
    kind: int
    path: str
    expression: str
    default: Content  # of a user variable; None: there is none
    limits: Optional[Limits]
    history: Optional[int]  # changes that the kernel keeps; None: as its configuration says
    alarms: Optional[frozenset[ProcessAlarm]]  # that it gives; None: it gives none; empty: it is silent
    critical: bool
    columns: tuple[Column, ...]  # of a Structure; of an Array one, without a name


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
    user: str  # who is logged on there; "": nobody
    instance: int
    active: bool  # of several instances this one gives the values
    program: int  # of a static process: what its program does (d2k_program_state); 0: a dynamic process
    restarts: int  # of that program, after a crash or a hang


def _limits_of(limits: Any) -> Optional[Limits]:
    if limits == ffi.NULL:
        return None
    return Limits(*(None if math.isnan(limit) else limit for limit in (limits.vl, limits.l, limits.h, limits.vh)))


def _history_of(changes: int) -> Optional[int]:
    return None if changes == 0 else 0 if changes == HISTORY_NONE else changes


def object_of(info: Any) -> ObjectInfo:
    default = None if info.default_value == ffi.NULL else value_of(info.default_value).content
    return ObjectInfo(info.hobj, text(info.name), int(info.type), text(info.description), text(info.unit),
                      text(info.owner), bool(info.writable), int(info.kind), text(info.path), text(info.expression),
                      default, _limits_of(info.limits), _history_of(info.history),
                      alarms_of(info.alarms) if info.has_alarms else None, bool(info.critical),
                      tuple(Column(Type(column.type), text(column.name))
                            for column in (info.columns[i] for i in range(info.column_count))))


def process_of(info: Any) -> ProcessInfo:
    return ProcessInfo(text(info.name), int(info.state), text(info.version), text(info.computer), text(info.address),
                       text(info.tls_version), bool(info.verified), text(info.user), info.instance,
                       info.instance_state == lib.D2K_INSTANCE_ACTIVE, int(info.program), info.restarts)


class Definition:
    """A d2k_definition, with all that it points to."""

    def __init__(self, name: str, kind: Type, description: str, unit: str, path: str, limits: Optional[Limits],
                 history: Optional[int], alarms: Optional[Iterable[ProcessAlarm]], critical: bool,
                 writable: bool, columns: Sequence[Column]) -> None:
        self._kept: list[Any] = []
        self.pointer = ffi.new("d2k_definition *")
        said = self.pointer
        said.size, said.type, said.writable = ffi.sizeof("d2k_definition"), int(kind), writable
        said.name, said.description = self._text(name), self._text(description)
        said.unit, said.path = self._text(unit), self._text(path)
        said.history = 0 if history is None else history or HISTORY_NONE
        said.has_alarms, said.critical = alarms is not None, critical
        said.alarms = sum(1 << alarm for alarm in set(alarms or ()))
        said.columns, said.column_count, kept = put_columns(columns)
        self._keep(kept)
        if limits is not None:
            given = (math.nan if limit is None else limit for limit in (limits.vl, limits.l, limits.h, limits.vh))
            said.limits = self._keep(ffi.new("d2k_limits *", tuple(given)))

    def of_kernel(self, default: Content, expression: str) -> None:
        """A user variable, or with an expression a computed object."""
        said = self.pointer
        said.kind = int(Kind.COMPUTED if expression else Kind.USER_VARIABLE)
        said.expression = self._text(expression)
        if default is not None:
            value, kept = encode(default, Type(said.type))
            said.default_value = self._keep(value)
            self._keep(kept)

    def _keep(self, what: Any) -> Any:
        self._kept.append(what)
        return what

    def _text(self, word: str) -> Any:
        return self._keep(ffi.new("char[]", word.encode("utf-8")))
