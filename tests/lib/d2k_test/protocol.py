"""A client of protocol version 1, written from its documentation alone, for tests that need a peer
which does what the client library never would."""

import os
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field

from d2k_test.poll import DEADLINE_S

PREFACE = b"D2K\r\n\x1a\n\x01"
ALPN = "d2k/1"
HEADER = struct.Struct("<IHHQ")
LENGTH_MAX_UNREGISTERED = 4096
LENGTH_MAX = 1024 * 1024
SKIPPABLE = 0x0001
CAPABILITIES = 0x0f
CAPABILITY_PAST = 0x02
REGISTER_NUMBERED = 0x02

CODES = {
    name: number for number, name in enumerate(
        "NONE NO_TLS TLS_REQUIRED TLS_UNAVAILABLE NOT_TRUSTED VERSION APPLICATION PROTOCOL"
        " UNKNOWN_MESSAGE TOO_LARGE BAD_NAME NAME_IN_USE LIMIT BUSY SHUTDOWN WATCHDOG REPLACED"
        " NOT_ALLOWED NOT_FOUND NOT_OWNER BAD_TYPE BAD_VALUE TIMEOUT INTERNAL CERT_DATES NO_RIGHT STORAGE OWNER_GONE"
        " CYCLE LOGON NOT_RUNNING RUNNING NOT_STARTED".split())
}

# number: name, fields
MESSAGES = {
    1: ("Hello", "u16 version_min, u16 version_max, u64 capabilities, str application"),
    2: ("Welcome", "u16 version, u64 capabilities, id kernel_instance, str application, str group,"
        " str kernel_name, u8 state, u64 epoch, str kernel_version"),
    3: ("Register", "str process_name, u16 process_instance, str program_version,"
        " str computer_name, u32 os_process_id, id client_instance, token resume_token,"
        " u32 watchdog_ms, u32 flags"),
    4: ("Registered", "u32 id_number, u64 connection_sql_id, str process_name, token resume_token,"
        " i64 kernel_time, u32 watchdog_ms"),
    5: ("Refuse", "u16 code, u32 retry_after_ms, str sentence"),
    6: ("Bye", "u16 code, u32 retry_after_ms, str sentence"),
    7: ("Watchdog", ""),
    8: ("Ping", "rest data"),
    9: ("Pong", "rest data"),
    16: ("Done", "u64 count"),
    17: ("Failed", "u16 code, str sentence"),
    32: ("Define", "u8 type, str name, str description, str unit, rest properties"),
    33: ("Defined", "u32 hobj"),
    34: ("ObjectInfo", "u32 hobj, u8 type, str name, str description, str unit, str owner,"
         " rest properties"),
    35: ("ObjectGone", "u32 hobj"),
    36: ("Update", "rest values"),
    37: ("AcknowledgeUpTo", "u64 sequence"),
    38: ("Acknowledged", "u64 sequence"),
    39: ("Delete", "str name"),
    40: ("Configure", "u8 type, str name, str description, str unit, rest properties"),
    41: ("AcknowledgeAlarm", "str pattern"),
    48: ("Subscribe", "u32 subscription, u8 mode, str pattern, rest properties"),
    49: ("Unsubscribe", "u32 subscription"),
    50: ("SnapshotBegin", "u32 subscription"),
    51: ("SnapshotEnd", "u32 subscription, u64 count"),
    52: ("Overrun", "u32 subscription, u64 lost"),
    53: ("Read", "str pattern"),
    54: ("ListObjects", "str pattern, rest properties"),
    55: ("ListProcesses", "str pattern"),
    56: ("ProcessInfo", "u32 id_number, str process_name, u16 process_instance, u8 state,"
         " str program_version, str computer_name, u32 os_process_id, str address,"
         " str tls_version, u8 verified, i64 since, u64 connection_sql_id, u64 values_in,"
         " u64 values_out, rest properties"),
    57: ("Snapshot", "rest patterns"),
    58: ("History", "str name, u32 count"),
    64: ("Write", "id writer_instance, u64 writer_counter, rest value"),
    65: ("WriteResult", "id writer_instance, u64 writer_counter, u8 outcome, u16 code,"
         " str sentence"),
    80: ("Shutdown", "str reason"),
    81: ("SetLogLevel", "u8 level"),
    82: ("StartProcess", "str process_name, u16 instance"),
    83: ("StopProcess", "str process_name, u16 instance"),
    84: ("RestartProcess", "str process_name, u16 instance"),
    87: ("SetActiveInstance", "str process_name, u16 instance"),
    88: ("SetPreferredInstance", "str process_name, u16 instance"),
    89: ("InstanceState", "u8 state"),
    96: ("LogOn", "str user, str password"),
    97: ("LoggedOn", "str user"),
    98: ("LogOff", ""),
}
NUMBERS = {name: number for number, (name, _) in MESSAGES.items()}
FIELDS = {name: [tuple(f.split()) for f in fields.split(", ") if f]
          for name, fields in MESSAGES.values()}
_NUMBER_FORMATS = {"u8": "<B", "u16": "<H", "u32": "<I", "u64": "<Q", "i64": "<q"}
_BYTES_SIZES = {"id": 16, "token": 32}

VALUE = struct.Struct("<IBBHIqQ")
BOOLEAN, INTEGER, REAL, TEXT, ARRAY, STRUCTURE = 1, 2, 3, 6, 13, 14


class Closed(Exception):
    """The kernel closed the connection."""


@dataclass
class Message:
    name: str
    request: int = 0
    fields: dict = field(default_factory=dict)

    def __getattr__(self, name):
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None


def frame(number, payload, request=0, flags=0):
    return HEADER.pack(12 + len(payload), number, flags, request) + payload


def encode(name, request=0, /, **values):
    """A frame; every field of the message must be given, but for a rest that is empty."""
    payload = b""
    for kind, field_name in FIELDS[name]:
        value = values.pop(field_name, b"") if kind == "rest" else values.pop(field_name)
        if kind in _NUMBER_FORMATS:
            payload += struct.pack(_NUMBER_FORMATS[kind], value)
        elif kind == "str":
            text = value if isinstance(value, bytes) else value.encode()
            payload += struct.pack("<H", len(text)) + text
        else:
            assert kind == "rest" or len(value) == _BYTES_SIZES[kind]
            payload += value
    assert not values, f"{name} has no fields {list(values)}"
    return frame(NUMBERS[name], payload, request)


def decode(number, request, payload):
    name = MESSAGES[number][0]
    values, at = {}, 0
    for kind, field_name in FIELDS[name]:
        if kind in _NUMBER_FORMATS:
            values[field_name], = struct.unpack_from(_NUMBER_FORMATS[kind], payload, at)
            at += struct.calcsize(_NUMBER_FORMATS[kind])
        elif kind == "rest":
            values[field_name], at = payload[at:], len(payload)
        else:
            size = _BYTES_SIZES.get(kind)
            if size is None:
                size, = struct.unpack_from("<H", payload, at)
                at += 2
            raw = payload[at:at + size]
            assert len(raw) == size, f"{name}.{field_name} ends too early"
            values[field_name] = raw.decode() if kind == "str" else raw
            at += size
    return Message(name, request, values)


def value_record(hobj, kind, content, status=1, sequence=1, time_ns=None, past=False):
    """One value of an Update; content: packed bytes."""
    body = VALUE.pack(hobj, kind, int(past), 0, status, time_ns or time.time_ns(), sequence) + content
    return struct.pack("<I", len(body)) + body


def value_records(payload):
    """(hobj, type, status, sequence, content bytes) of each record of an Update."""
    at = 0
    while at < len(payload):
        size, = struct.unpack_from("<I", payload, at)
        hobj, kind, _, _, status, _, sequence = VALUE.unpack_from(payload, at + 4)
        yield hobj, kind, status, sequence, payload[at + 4 + VALUE.size:at + 4 + size]
        at += 4 + size


PATH, KIND, EXPRESSION, COLUMNS, HISTORY, DEFAULT = 1, 6, 7, 9, 11, 13
MIN_INTERVAL, DEAD_BAND = 35, 36
FILTER_TYPE, FILTER_OWNER, FILTER_QUALITY, FILTER_KIND, FILTER_PATH = 32, 33, 34, 37, 38
LIMITS = 2, 3, 4, 5  # VL, L, H, VH
USER_VARIABLE, COMPUTED, SYSTEM_TAG = 1, 2, 3


def columns(*types_and_names):
    """Columns of a structure; of an array ((type, ""),)."""
    return bytes([len(types_and_names)]) + b"".join(
        struct.pack("<BH", kind, len(name)) + name.encode() for kind, name in types_and_names)


_CELLS = {BOOLEAN: "<?", INTEGER: "<q", REAL: "<d"}


def cell(kind, content):
    """None: one that is not valid."""
    if kind == TEXT:
        raw = (content or "").encode()
        packed = struct.pack("<I", len(raw)) + raw
    else:
        packed = struct.pack(_CELLS[kind], content or 0)
    return bytes([content is not None]) + packed


def table(types_and_names, rows, low=1):
    """Content of a structure, or of an array, whose rows have one cell each."""
    body = struct.pack("<iI", low, len(rows)) + columns(*types_and_names)
    body += b"".join(cell(kind, content) for row in rows
                     for (kind, _), content in zip(types_and_names, row, strict=True))
    return struct.pack("<I", len(body)) + body


def array(kind, *elements, low=1):
    return table([(kind, "")], [[e] for e in elements], low)


def property_u8(key, number):
    return struct.pack("<HHB", key, 1, number)


def property_u32(key, number):
    return struct.pack("<HHI", key, 4, number)


def property_text(key, text):
    raw = text.encode()
    return struct.pack("<HH", key, len(raw)) + raw


def text_list(texts):
    """Texts, one behind the other: of a Snapshot."""
    raw = [text.encode() for text in texts]
    return b"".join(struct.pack("<H", len(text)) + text for text in raw)


def property_list(properties):
    """Bytes of the properties that are not empty."""
    return b"".join(struct.pack("<HH", key, len(content)) + content
                    for key, content in properties.items() if content)


def properties(payload):
    """{key: bytes} of a list of properties."""
    found, at = {}, 0
    while at < len(payload):
        key, size = struct.unpack_from("<HH", payload, at)
        found[key], at = payload[at + 4:at + 4 + size], at + 4 + size
    return found


def tls_context(alpn=(ALPN,)):
    """Encrypts and verifies nothing: what a kernel must withstand."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class Link:
    """One connection to a kernel on this machine."""

    def __init__(self, port, tls=True, context=None, timeout_s=DEADLINE_S, session=None):
        """`port`: of TCP, or the path of the kernel's local socket, which is always plain."""
        if isinstance(port, int):
            raw = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            tls = False
            raw = socket.socket(socket.AF_UNIX)
            raw.settimeout(timeout_s)
            raw.connect(str(port))
        self.socket = (context or tls_context()).wrap_socket(raw, session=session) if tls else raw
        self.timeout_s = timeout_s
        self._received = bytearray()
        self._preface_seen = False
        self._next_request = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the connection without a word."""
        self.socket.close()

    # ---- bytes ----

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, name, /, **values):
        """Sends a message; returns the number of the request."""
        self._next_request += 1
        self.send_bytes(encode(name, self._next_request, **values))
        return self._next_request

    def _fill(self, deadline):
        self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            data = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            raise Closed(str(error)) from None
        if not data:
            raise Closed("end of stream")
        self._received += data

    def receive(self, timeout_s=None):
        """The next message, whatever it is. Closed: the kernel ended; TimeoutError: nothing."""
        deadline = time.monotonic() + (timeout_s or self.timeout_s)
        while True:
            message = self.take()
            if message:
                return message
            self._fill(deadline)

    def take(self):
        """The next whole message of what was received, or None."""
        if not self._preface_seen:
            if len(self._received) < len(PREFACE):
                return None
            assert self._received[:8] == PREFACE, bytes(self._received[:64])
            del self._received[:8]
            self._preface_seen = True
        if len(self._received) < HEADER.size:
            return None
        length, number, _, request = HEADER.unpack_from(self._received)
        if len(self._received) < 4 + length:
            return None
        payload = bytes(self._received[HEADER.size:4 + length])
        del self._received[:4 + length]
        return decode(number, request, payload)

    def fileno(self):
        return self.socket.fileno()

    def read_ready(self):
        """Takes in what is there now; never waits (the socket was said to be ready)."""
        self.socket.setblocking(False)
        try:
            while True:
                data = self.socket.recv(65536)
                if not data:
                    raise Closed("end of stream")
                self._received += data
        except (BlockingIOError, ssl.SSLWantReadError):
            return

    # ---- messages ----

    def expect(self, name, timeout_s=None):
        """The next message of this name; others are dropped. Watchdogs are answered."""
        deadline = time.monotonic() + (timeout_s or self.timeout_s)
        while True:
            message = self.receive(max(deadline - time.monotonic(), 0.001))
            if message.name == name:
                return message
            if message.name in ("Refuse", "Bye", "Failed"):
                raise AssertionError(f"expected {name}, got {message}")
            if message.name == "Watchdog":
                self.send_bytes(encode("Watchdog"))

    def hello(self, application="", versions=(1, 1), preface=PREFACE, capabilities=CAPABILITIES):
        self.send_bytes(preface + encode(
            "Hello", 1, version_min=versions[0], version_max=versions[1],
            capabilities=capabilities, application=application))

    def register_bytes(self, name, instance=0, flags=0, watchdog_ms=600_000, computer="TESTPC"):
        return encode(
            "Register", 2, process_name=name, process_instance=instance,
            program_version="V1.00.000 s1", computer_name=computer, os_process_id=os.getpid(),
            client_instance=os.urandom(16), resume_token=bytes(32), watchdog_ms=watchdog_ms,
            flags=flags)

    def register(self, name="TESTPC.API", flags=REGISTER_NUMBERED, capabilities=CAPABILITIES,
                 **more):
        """Hello and Register; returns Registered."""
        self.hello(capabilities=capabilities)
        self.welcome = self.expect("Welcome")
        self.send_bytes(self.register_bytes(name, flags=flags, **more))
        return self.expect("Registered")

    def define(self, name, kind=INTEGER, properties=b""):
        """Number of the object."""
        self.send("Define", type=kind, name=name, description="", unit="", properties=properties)
        return self.expect("Defined").hobj

    def configure(self, name, kind=INTEGER, default=None, path="", description="", unit="", of=b""):
        """Asks for a user variable; returns the request. of: columns of an array or a structure."""
        properties = property_list({PATH: path.encode(), DEFAULT: default, COLUMNS: of})
        return self.send("Configure", type=kind, name=name, description=description, unit=unit,
                         properties=properties)

    def compute(self, name, expression, kind=INTEGER):
        """Asks for a computed object; returns the request."""
        properties = property_list({EXPRESSION: expression.encode()}) + property_u8(KIND, 2)
        return self.send("Configure", type=kind, name=name, description="", unit="",
                         properties=properties)

    def write(self, hobj, content, kind=INTEGER, counter=0, **more):
        """Asks that an object take a value; returns the request."""
        return self.send("Write", writer_instance=bytes(16), writer_counter=counter,
                         value=value_record(hobj, kind, content, **more))

    def answer(self, request):
        """The message that answers this request, Failed included; others are dropped."""
        while True:
            message = self.receive()
            if message.request == request and message.name not in ("Update", "ObjectInfo"):
                return message

    def publish(self, hobj, content, sequence, past=False):
        self.send_bytes(encode("Update", values=value_record(
            hobj, INTEGER, struct.pack("<q", content), sequence=sequence, past=past)))

    def subscribe(self, pattern, mode=0, subscription=1):
        """Waits for the end of the snapshot."""
        self.send("Subscribe", subscription=subscription, mode=mode, pattern=pattern)
        return self.expect("SnapshotEnd")

    def log_off(self):
        self.send_bytes(encode("Bye", code=0, retry_after_ms=0, sentence=""))
        self.close()

    def wait_end(self):
        """Reads until the kernel ends the connection; returns its Refuse or Bye, or None."""
        last = None
        try:
            while True:
                message = self.receive()
                if message.name in ("Refuse", "Bye"):
                    last = message
        except Closed:
            return last
