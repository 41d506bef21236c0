"""d2k: processes of a d2k kernel in Python, over libd2k. See README.md."""

from .client import Client, Command, PublishedObject, Subscription
from .errors import D2kError, Disconnected, RefusedError, TimeoutExpired
from .values import Change, Content, ObjectInfo, ProcessInfo, Status, Type, Value

__all__ = ["Change", "Client", "Command", "Content", "D2kError", "Disconnected", "ObjectInfo", "ProcessInfo",
           "PublishedObject", "RefusedError", "Status", "Subscription", "TimeoutExpired", "Type", "Value"]
