"""d2k: processes of a d2k kernel in Python, over libd2k. See README.md."""

from .aio import AsyncClient, AsyncSubscription
from .client import Client, Subscription
from .connection import Command, PublishedObject
from .errors import D2kError, Disconnected, RefusedError, TimeoutExpired
from .objects import Kind, ObjectInfo, ProcessInfo
from .values import (Alarm, Array, Cell, Change, Column, Content, Hobj, Limits, LimitStatus, Line, Process, ProcessAlarm,
                     Quaternary, State, Station, Status, Structure, Type, Value)

__all__ = ["Alarm", "Array", "AsyncClient", "AsyncSubscription", "Cell", "Change", "Client", "Column", "Command",
           "Content", "D2kError", "Disconnected", "Hobj", "Kind", "Limits", "LimitStatus", "Line", "ObjectInfo",
           "Process", "ProcessAlarm", "ProcessInfo", "PublishedObject", "Quaternary", "RefusedError", "State",
           "Station", "Status", "Structure", "Subscription", "TimeoutExpired", "Type", "Value"]
