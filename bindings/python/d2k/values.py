"""Values as Python has them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Iterable, Optional, Sequence, Union

from ._library import ffi, lib, text
from .errors import D2kError

COLUMN_NAME_MAX = 64  # D2K_COLUMN_NAME_MAX
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Type(enum.IntEnum):
    """Type of an object."""

    NONE = 0
    BOOLEAN = 1
    INTEGER = 2
    REAL = 3
    ABSOLUTE_TIME = 4
    RELATIVE_TIME = 5
    TEXT = 6
    LINE = 7
    ALARM = 8
    STATION = 9
    PROCESS = 10
    QUATERNARY = 11
    HOBJ = 12
    ARRAY = 13
    STRUCTURE = 14


class State(enum.IntEnum):
    """Content of a type with states."""

    @property
    def text(self) -> str:
        """Its name in D2000: "StHARDERR"."""
        return text(lib.d2k_state_name(int(type_of(self)), self.value))


class Line(State):
    FALSE = 0
    TRUE = 1


class Alarm(State):
    NORMAL = 0
    ALARM = 1
    KVIT = 2
    BLOCK = 3
    UNBLOCK = 4
    NO_KVIT = 5


class Station(State):
    ON = 0
    OFF = 1
    COMERR = 2
    HARDERR = 3
    SIMUL = 4
    WAIT = 5


class Process(State):
    RUN = 0
    CRASH = 1
    STOP = 2
    WDERR = 3


class Quaternary(State):
    TRANS = 0
    OFF = 1
    ON = 2
    ERR = 3
    OSC = 4


class Hobj(int):
    """Number of an object; 0: of none."""


Cell = Union[None, bool, int, float, str, datetime, timedelta, State, Hobj]


@dataclass(frozen=True)
class Column:
    """Of a Structure; of an Array, without a name, what its elements are."""

    type: Type
    name: str = ""


@dataclass(frozen=True)
class Array:
    """Elements of one type; None: one that is not valid. The first has the index `low`."""

    element: Type
    values: Sequence[Cell] = ()
    low: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))


@dataclass(frozen=True)
class Structure:
    """Rows with a cell for each column; None: one that is not valid. The first row has the index `low`."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]] = ()
    low: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        object.__setattr__(self, "rows", tuple(tuple(row) for row in self.rows))

    def dicts(self) -> list[dict[str, Cell]]:
        """Each row by the names of its columns."""
        return [dict(zip((column.name for column in self.columns), row)) for row in self.rows]


Content = Union[Cell, Array, Structure]

STATES: dict[int, type[State]] = {Type.LINE: Line, Type.ALARM: Alarm, Type.STATION: Station, Type.PROCESS: Process,
                                  Type.QUATERNARY: Quaternary}


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


class LimitStatus(enum.IntEnum):
    """Where a number stands among the limits of its object; IN_LIMIT also when it has none."""

    IN_LIMIT = 0
    VL_LIMIT = 1
    L_LIMIT = 2
    H_LIMIT = 3
    VH_LIMIT = 4
    PROBLEM = 5


class ProcessAlarm(enum.IntEnum):
    """A process alarm, by the numbers of D2000 up to 13. docs/alarms.md tells which value gives which."""

    NONE = 0
    TO_ON = 1
    TO_OFF = 2
    ON = 3
    OFF = 4
    ERR = 5
    OSCILLATE = 6
    ERR_CMD_ON = 7
    ERR_CMD_OFF = 8
    SW_TO_TRANS = 9
    SW_TO_OFF = 10
    SW_TO_ON = 11
    SW_TO_ERR = 12
    SW_TRANS = 13
    VL_LIMIT = 25
    L_LIMIT = 26
    H_LIMIT = 27
    VH_LIMIT = 28
    LIMITS_PROBLEM = 29

    @property
    def text(self) -> str:
        """Its name in D2000: "VH_Limit"."""
        return text(lib.d2k_process_alarm_name(self.value))

    @classmethod
    def usual(cls, kind: Type) -> frozenset["ProcessAlarm"]:
        """Those that an object of a type gives when nobody says which."""
        return alarms_of(lib.d2k_process_alarms_usual(int(kind)))


ALARMS = frozenset(int(alarm) for alarm in ProcessAlarm)


def alarms_of(mask: int) -> frozenset[ProcessAlarm]:
    return frozenset(alarm for alarm in ProcessAlarm if mask & 1 << alarm)


@dataclass(frozen=True)
class Limits:
    """Limits of an Integer or a Real; None: not given."""

    vl: Optional[float] = None
    l: Optional[float] = None
    h: Optional[float] = None
    vh: Optional[float] = None


@dataclass(frozen=True)
class Value:
    """A value that was received. Times are in UTC, to the microsecond; `time_ns` is exact."""

    content: Content  # None: there is none, or its type is unknown here
    status: Status
    flags: int
    time_ns: int
    past: bool
    limit_status: LimitStatus = LimitStatus.IN_LIMIT
    process_alarm: int = ProcessAlarm.NONE  # that stands; a plain number when it is one that is unknown here
    process_alarm_time_ns: int = 0  # 0: none stands and none waits to be acknowledged

    @property
    def valid(self) -> bool:
        return Status.VALID in self.status

    @property
    def time(self) -> datetime:
        return _datetime(self.time_ns)


@dataclass(frozen=True)
class Change:
    """A value of an object."""

    name: str
    value: Value


def _datetime(ns: int) -> datetime:
    return EPOCH + timedelta(microseconds=ns // 1000)


def _ns(duration: timedelta) -> int:
    return (duration.days * 86400 + duration.seconds) * 10**9 + duration.microseconds * 1000


def _cells(value: Any) -> list[Cell]:
    """Row by row."""
    reader, cell, found = ffi.new("d2k_table_reader *", lib.d2k_table_read(value)), ffi.new("d2k_value *"), []
    while lib.d2k_table_next(reader, cell):
        found.append(_cell(cell) if cell.status & Status.VALID else None)
    return found


def _columns(value: Any) -> tuple[Column, ...]:
    name, columns = ffi.new("char[]", COLUMN_NAME_MAX + 1), []
    for number in range(lib.d2k_table_columns(value)):
        kind = lib.d2k_table_column(value, number, name)
        columns.append(Column(Type(kind), text(name)))
    return tuple(columns)


def _table(value: Any) -> Union[Array, Structure]:
    columns, cells, low = _columns(value), _cells(value), int(lib.d2k_table_low(value))
    if value.type == Type.ARRAY:
        return Array(columns[0].type, cells, low)
    width = len(columns)
    return Structure(columns, [cells[at:at + width] for at in range(0, len(cells), width)], low)


def _content(value: Any) -> Content:
    return _table(value) if value.type in (Type.ARRAY, Type.STRUCTURE) else _cell(value)


def _cell(value: Any) -> Cell:
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
    if kind == Type.HOBJ:
        return Hobj(content.hobj)
    return STATES[kind](content.state) if kind in STATES else None


def value_of(value: Any) -> Value:
    alarm = int(value.process_alarm)
    return Value(_content(value), Status(value.status), value.flags, value.time_ns, value.past,
                 LimitStatus(value.limit_status), ProcessAlarm(alarm) if alarm in ALARMS else alarm,
                 value.process_alarm_time_ns)


def type_of(content: Content) -> Type:
    """The type that a content has by itself."""
    for kind, name in ((bool, Type.BOOLEAN), (Line, Type.LINE), (Alarm, Type.ALARM), (Station, Type.STATION),
                       (Process, Type.PROCESS), (Quaternary, Type.QUATERNARY), (Hobj, Type.HOBJ),
                       (int, Type.INTEGER), (float, Type.REAL), (str, Type.TEXT), (datetime, Type.ABSOLUTE_TIME),
                       (timedelta, Type.RELATIVE_TIME), (Array, Type.ARRAY), (Structure, Type.STRUCTURE)):
        if isinstance(content, kind):
            return name
    raise TypeError(f"{type(content).__name__} is no content of a value")


def _convert(content: Content, kind: Type) -> Content:
    """A plain int is also a real, the number of a state, or of an object; nothing else is converted."""
    if type(content) is int:
        if kind == Type.REAL:
            return float(content)
        if kind == Type.HOBJ:
            return Hobj(content)
        if kind in STATES:
            return STATES[kind](content)
    if type_of(content) != kind:
        raise TypeError(f"{content!r} is no {kind.name}")
    return content


def encode(content: Content, kind: Optional[Type] = None, status: Status = Status.VALID, flags: int = 0,
           time: Optional[datetime] = None) -> tuple[Any, Any]:
    """A d2k_value, and what must live as long as it. TypeError, OverflowError, ValueError (a time without zone, no
    such state)."""
    kind = type_of(content) if kind is None else kind
    content = _convert(content, kind)
    value = ffi.new("d2k_value *")
    value.type = int(kind)
    keep = _put_table(value, content) if isinstance(content, (Array, Structure)) else _put_cell(value.content, content)
    value.status, value.flags = int(status), flags
    value.time_ns = 0 if time is None else _since_epoch(time)
    return value, keep


def put_columns(columns: Iterable[Column]) -> tuple[Any, int, list[Any]]:
    """d2k_columns, how many there are, and what must live as long as they."""
    names = [(ffi.new("char[]", column.name.encode()), int(column.type)) for column in columns]
    made = ffi.new("d2k_column[]", [{"type": kind, "name": name} for name, kind in names])
    return made, len(names), [made, names]


def _new_table(content: Union[Array, Structure]) -> Any:
    made = ffi.new("d2k_table **")
    if isinstance(content, Array):
        code = lib.d2k_array_new(int(content.element), made)
    else:
        columns, count, _keep = put_columns(content.columns)
        code = lib.d2k_structure_new(columns, count, made)
    if code != lib.D2K_OK:
        raise D2kError(code)
    return ffi.gc(made[0], lib.d2k_table_free)


def _typed_cells(content: Union[Array, Structure]) -> Iterable[tuple[Cell, Type]]:
    if isinstance(content, Array):
        return [(cell, content.element) for cell in content.values]
    width = len(content.columns)
    for row in content.rows:
        if len(row) != width:
            raise ValueError(f"a row has {len(row)} cells, there are {width} columns")
    return [(cell, column.type) for row in content.rows for cell, column in zip(row, content.columns)]


def _put_table(value: Any, content: Union[Array, Structure]) -> Any:
    """The table, which must live as long as the value."""
    table = _new_table(content)
    lib.d2k_table_set_low(table, content.low)
    for cell, kind in _typed_cells(content):
        added, _keep = (ffi.NULL, None) if cell is None else encode(cell, kind)
        code = lib.d2k_table_add(table, added)
        if code != lib.D2K_OK:
            raise D2kError(code, text(lib.d2k_table_error_text(table)))
    code = lib.d2k_table_value(table, value)
    if code != lib.D2K_OK:
        raise D2kError(code, text(lib.d2k_table_error_text(table)))
    return table


def _put_cell(place: Any, content: Content) -> Any:
    """What must live as long as the value."""
    if isinstance(content, bool):
        place.boolean = content
    elif isinstance(content, State):
        place.state = content.value
    elif isinstance(content, Hobj):
        place.hobj = int(content)
    elif isinstance(content, int):
        place.integer = content
    elif isinstance(content, float):
        place.real = content
    elif isinstance(content, datetime):
        place.absolute_time_ns = _since_epoch(content)
    elif isinstance(content, timedelta):
        place.relative_time_ns = _ns(content)
    elif isinstance(content, str):
        raw = content.encode("utf-8")
        keep = ffi.new("char[]", raw)
        place.text.data, place.text.size = keep, len(raw)
        return keep
    return None


def _since_epoch(time: datetime) -> int:
    if time.tzinfo is None:
        raise ValueError("a time needs a zone: datetime.now(timezone.utc)")
    return _ns(time - EPOCH)
