#!/usr/bin/python3
"""Writes the seeds of the fuzz targets into tests/fuzz/corpus/<target>/, from the protocol as
tests/lib knows it. Run it again after a change of the protocol; what is there under the same name is
replaced, other files (found by a fuzzer and worth keeping) stay."""

import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
sys.dont_write_bytecode = True
from d2k_test import protocol  # noqa: E402

BOOLEAN, TEXT, ARRAY, STRUCTURE = (protocol.BOOLEAN, protocol.TEXT, protocol.ARRAY,
                                   protocol.STRUCTURE)
ABSOLUTE, RELATIVE = 4, 5
QUATERNARY, HOBJ = 11, 12
SOME_TIME = 1_663_919_288_289_000_000
TEXTS = {"process_name": "DispPC.HIP", "application": "PLANT", "pattern": "Boiler.*",
         "program_version": "V1.00.000 s1", "kernel_version": "V1.00.000 s1",
         "tls_version": "TLSv1.3", "unit": "°C", "owner": "PLC1.KOM", "address": "[::1]:50481"}
NUMBERS = {"version_min": 1, "version_max": 1, "version": 1, "capabilities": 7, "code": 11,
           "watchdog_ms": 10_000, "since": SOME_TIME, "kernel_time": SOME_TIME}


def record(kind, content, hobj=42, **more):
    return protocol.value_record(hobj, kind, content, time_ns=SOME_TIME, **more)


REAL_RECORD = record(protocol.REAL, struct.pack("<d", 81.5))


def example(kind, field):
    if kind == "str":
        return TEXTS.get(field, field)
    if kind == "rest":
        return b"ping" if field == "data" else REAL_RECORD
    if kind in ("id", "token"):
        return bytes(range(16 if kind == "id" else 32))
    return NUMBERS.get(field, 1)


def message(name, request=7, /, **given):
    values = {field: example(kind, field) for kind, field in protocol.FIELDS[name]}
    return protocol.encode(name, request, **{**values, **given})


def longest(name):
    """Every text of a message at 64 bytes: the limit of most, over none."""
    texts = {field: ("x" * 16 if field == "tls_version" else "x" * 64)
             for kind, field in protocol.FIELDS[name] if kind == "str"}
    return message(name, **texts)


def messages():
    for name in protocol.FIELDS:
        yield name, message(name)
    yield "longest", b"".join(longest(name) for name in ("Register", "ObjectInfo", "ProcessInfo"))
    yield "two", message("Subscribe") + message("Unsubscribe")
    yield "unknown", protocol.frame(999, b"new")
    yield "unknown_skippable", protocol.frame(999, b"new", flags=1) + message("Watchdog")
    yield "trailing", protocol.frame(33, struct.pack("<I", 42) + b"later")
    yield "too_large", struct.pack("<I", protocol.LENGTH_MAX + 1) + bytes(12)
    yield "too_large_unregistered", protocol.frame(8, bytes(protocol.LENGTH_MAX_UNREGISTERED))
    yield "too_short", struct.pack("<I", 11) + bytes(12)
    yield "cut_field", protocol.frame(17, b"\x0b\x00\x05\x00abc")
    yield "nul_in_text", protocol.frame(53, b"\x03\x00a\x00b")
    yield "bad_utf8", protocol.frame(53, b"\x03\x00\xed\xa0\x80")
    yield "text_over_limit", protocol.frame(53, b"\x81\x00" + b"x" * 129)


TANKS = protocol.table([(protocol.REAL, "Temp"), (TEXT, "Name"), (BOOLEAN, "On")],
                       [(81.5, "Feed", True), (None, "žltá", None)])


def tables():
    """What a table may not be."""
    ones = protocol.array(BOOLEAN, *[True] * 5)
    yield "array_low", ARRAY, struct.pack("<Ii", len(ones) - 4, 2**31 - 5) + ones[8:]
    yield "array_low_past", ARRAY, struct.pack("<Ii", len(ones) - 4, 2**31 - 4) + ones[8:]
    yield "array_rows", ARRAY, ones[:8] + struct.pack("<I", 10_001) + ones[12:]
    yield "array_more", ARRAY, struct.pack("<I", len(ones) - 3) + ones[4:] + b"x"
    yield "array_empty", ARRAY, protocol.array(TEXT)
    yield "array_named", ARRAY, TANKS
    yield "structure_cut", STRUCTURE, struct.pack("<I", len(TANKS) - 5) + TANKS[4:-1]
    yield "structure_twice", STRUCTURE, protocol.table([(BOOLEAN, "A"), (BOOLEAN, "a")], [])
    yield "structure_within", STRUCTURE, protocol.table([(STRUCTURE, "A")], [])
    yield "structure_columns", STRUCTURE, protocol.table([(TEXT, f"C{i}") for i in range(65)], [])


def values():
    i64 = struct.Struct("<q")
    text = "žltá".encode()
    every = {
        "none": record(0, b""),
        "boolean": record(BOOLEAN, b"\x01"),
        "integer": record(protocol.INTEGER, i64.pack(-2**63)),
        "real": REAL_RECORD,
        "absolute": record(ABSOLUTE, i64.pack(SOME_TIME)),
        "relative": record(RELATIVE, i64.pack(-1)),
        "text": record(TEXT, struct.pack("<I", len(text)) + text),
        "quaternary": record(QUATERNARY, struct.pack("<I", 4)),
        "hobj": record(HOBJ, struct.pack("<I", 2**32 - 1)),
        "array": record(ARRAY, protocol.array(protocol.REAL, 1.5, None, low=-1)),
        "structure": record(STRUCTURE, TANKS),
    }
    yield from every.items()
    yield "all", b"".join(every.values())
    yield "longer", struct.pack("<I", 40) + REAL_RECORD[4:] + b"late" + every["none"]
    extras = struct.pack("<BBq", 4, 28, SOME_TIME)
    yield "alarm", struct.pack("<I", 46) + REAL_RECORD[4:] + extras
    yield "alarm_30", struct.pack("<I", 46) + REAL_RECORD[4:] + b"\x00\x1e" + extras[2:]
    yield "alarm_1971", struct.pack("<I", 46) + REAL_RECORD[4:] + b"\x00\x1c" + bytes(7) + b"\x01"
    yield "cut", REAL_RECORD[:-3]
    yield "size_past_end", struct.pack("<I", 2**32 - 1) + REAL_RECORD[4:]
    yield "text_past_end", record(TEXT, struct.pack("<I", 2**32 - 1) + text)
    yield "boolean_2", record(BOOLEAN, b"\x02")
    yield "quaternary_5", record(QUATERNARY, struct.pack("<I", 5))
    yield "nan", record(protocol.REAL, struct.pack("<d", float("nan")))
    yield "status", record(protocol.INTEGER, i64.pack(1), status=0x400)
    yield "past", REAL_RECORD[:9] + b"\x01" + REAL_RECORD[10:]
    yield "time_0", REAL_RECORD[:16] + bytes(8) + REAL_RECORD[24:]
    for name, kind, content in tables():
        yield name, record(kind, content)
    yield "time_1971", record(ABSOLUTE, i64.pack(63_072_000_000_000_000 - 1))


def texts():
    """First byte: size of the pattern; second: size of the place for the escaped text."""
    cases = {
        "names": (b"boiler.*", b"Boiler.Temp"),
        "questions": (b"?o?ler", b"Boiler"),
        "stars": (b"*a*a*a*b", b"aaaaaaaaaaaa"),
        "no_pattern": (b"", b"PC-1_02.HIP"),
        "escape": (b"", b"\x1b[2J\x07\x7f\\n\n"),
        "c1_and_overrides": (b"", "\x9b31m\u202e\u2066x".encode()),
        "utf8": (b"", "žltá €🔒".encode()),
        "bad_utf8": (b"", b"\xff\xc3\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80"),
        "cut_utf8": (b"", "🔒".encode()[:3]),
        "number": (b"", b"-1000"),
        "nul": (b"*", b"a\0b"),
    }
    for name, (pattern, text) in cases.items():
        for place in (5, 255):
            yield f"{name}_{place}", bytes([len(pattern), place]) + pattern + text


def registry():
    tls = "[TLS_Server]\nTLS_CertFile = C:\\d2k keys\\server.crt\nTLS_KeyFile = \" quoted \"\n"
    client = "[TLS_Client]\nTLS_TrustedCerts = /a;/b\n"
    yield "application", f"# comment\n{tls}TLS_RequiredLevel = None\n{client}".encode()
    yield "no_peer_auth", f"{tls}TLS_RequiredLevel = TLSNoPeerAuth\n".encode()
    yield "peer_auth", (client + "TLS_RequiredLevel = TLSPeerAuth\nTLS_MinVersion = TLSv1.3\n"
                        "TLS_CertDates = strict\n").encode()
    yield "no_level", tls.encode()
    yield "bad_level", f"{tls}TLS_RequiredLevel = TLSPeerAuht\n".encode()
    yield "many_paths", f"[TLS_Client]\nTLS_TrustedCerts = {';'.join(['/a'] * 65)}\n".encode()
    yield "installation", (b"DefaultApplication = PLANT\nMax_Log_Size = 10\n; other\n"
                           b"[Redundancy\\PLANT\\Kernel_1]\nName = K1\n")
    yield "numbers", b"Max_Clients = 0\nHandshake_Workers = 99999999999999999999\n[KOM]\nPeriod = -1\n"
    yield "bom", b"\xef\xbb\xbfA = 1\n"
    yield "broken", b"[TLS_Server\nA = \"x\n"
    yield "crlf", b"A = 1\r\n[B]\r\nC = \"\\\"q\\\\\"\r\n"
    yield "latin1", b"A = \xed\n"
    yield "nul", b"A = \0\n"
    yield "twice", b"A = 1\na = 2\n"
    yield "utf8", "Popis = vodník\n".encode()
    yield "long_line", b"A = " + b"x" * 8200 + b"\n"


def reg_files():
    head = "Windows Registry Editor Version 5.00\r\n\r\n"
    key = "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Ipesoft\\d2k\\cfg_PLANT\\TLS_Server]\r\n"
    strings = '"TLS_CertFile"="c:\\\\keys\\\\server.crt"\r\n@="a \\"b\\""\r\n"\u017elt\u00e1"="\u20ac \U0001f512"\r\n'
    data = ('"n"=dword:0000000a\r\n"e"=hex(2):25,00,41,00,\\\r\n  25,00,00,00\r\n"b"=hex:01,2\r\n'
            '"m"=hex(7):61,00,00,00,62,00,00,00,00,00\r\n"q"=hex(b):01,00,00,00,00,00,00,00\r\n'
            '"s"=hex(1):3d,d8,12,dd\r\n"x"=hex(ffff):\r\n')
    deleted = '"a"=-\r\n[-HKLM\\a]b]\r\n; comment\r\n'
    whole = head + key + strings + data + deleted
    yield "utf16", b"\xff\xfe" + whole.encode("utf-16-le")
    yield "utf16_no_mark", whole.encode("utf-16-le")
    yield "utf8", whole.encode()
    yield "utf8_mark", b"\xef\xbb\xbf" + whole.encode()
    yield "version_4", ("REGEDIT4\n" + key + '"e"=hex(2):61,ed,00\n"m"=hex(7):61,00,00\n').encode()
    yield "latin1", ("REGEDIT4\n" + key + '"\u00ed"="\u00e1"\n').encode("latin-1")
    yield "no_latin1", b"REGEDIT4\n[k]\n\"a\"=\"\x9a\"\n"
    yield "surrogate", b"\xff\xfe" + head.encode("utf-16-le") + b"\x00\xd8"
    yield "unclosed", (head + key + '"a"="b').encode()
    yield "bad_escape", (head + key + '"a"="C:\\temp"').encode()
    yield "bad_hex", (head + key + '"a"=hex:1,g').encode()
    yield "cut_line", (head + key + '"a"=hex:1,\\').encode()
    yield "no_key", (head + '"a"="b"').encode()
    yield "several_lines", (head + key + '"a"="b\r\nc"').encode()


def sessions():
    """First byte: 0x80 for a client, and size of the pieces less one."""
    whole, pieces, client = b"\x7f", b"\x00", b"\xff"
    hello = protocol.PREFACE + message("Hello", 1)
    opening = hello + message("Register", 2)
    live = (message("Define", 3) + message("Subscribe", 4) + message("Update", 0)
            + message("Ping", 5) + message("Watchdog", 0))
    answers = (protocol.PREFACE + message("Welcome", 1) + message("Registered", 2)
               + message("SnapshotBegin", 4) + message("ObjectInfo", 0) + message("Update", 0)
               + message("SnapshotEnd", 4) + message("Bye", 0))
    yield "whole", whole + opening + live + message("Bye", 0)
    yield "pieces", pieces + opening + live
    yield "bye", whole + opening + message("Bye", 0) + message("Watchdog", 0)
    yield "too_large", whole + hello + struct.pack("<I", 4097) + bytes(12)
    yield "large_registered", whole + opening + protocol.frame(8, bytes(5000))
    yield "wrong_side", whole + hello + message("Welcome", 1)
    yield "wrong_state", whole + hello + message("Update", 1)
    yield "unknown", whole + opening + protocol.frame(999, b"", flags=1) + protocol.frame(998, b"")
    yield "http", whole + b"GET / HTTP/1.1\r\n\r\n"
    yield "old_preface", whole + protocol.PREFACE[:-1] + b"\x00"
    yield "half_preface", pieces + protocol.PREFACE[:5]
    yield "tls", whole + bytes.fromhex("16030102000100") + bytes(20)
    yield "tls_half", pieces + b"\x16"
    yield "tls_other", whole + b"\x16\x02\x00"
    yield "client", client + answers
    yield "client_pieces", b"\x80" + answers
    yield "client_refused", client + protocol.PREFACE + message("Refuse", 1)
    yield "client_http", client + b"HTTP/1.1 400 Bad Request\r\n\r\n"


def properties():
    kind, path = struct.pack("<HHB", 6, 1, 1), struct.pack("<HH", 1, 11) + b"Plant/Line1"
    default = struct.pack("<HHd", 13, 8, 81.5)
    yield "empty", b""
    yield "all", path + kind + default
    yield "unknown", struct.pack("<HHI", 65000, 4, 1) + kind
    yield "twice", kind + path + kind
    yield "cut_key", kind + b"\1"
    yield "cut_bytes", path[:-1]
    yield "size_past_end", struct.pack("<HH", 1, 65535)
    yield "many", b"".join(struct.pack("<HH", key, 0) for key in range(65))
    yield "text", struct.pack("<HHI", 13, 9, 5) + "žlt".encode()
    pattern = struct.pack("<HH", 33, 6) + b"*.K?M*" + struct.pack("<HH", 38, 0)
    yield "filter", (pattern + struct.pack("<HHB", 32, 1, 3) + struct.pack("<HHB", 34, 1, 1)
                     + struct.pack("<HHB", 37, 1, 0))


def csv_files():
    yield "plain", b"name,type\r\nA,Real\n\nB,Text\n"
    yield "quoted", b'"a","b,c"\n"say ""x""","two\r\nlines"\n'
    yield "mark", b"\xef\xbb\xbfname,type\nA,Real\n"
    yield "unclosed", b'a,"b\nc,d\n'
    yield "behind_quote", b'"a"b,c\nd,e\n'
    yield "within", b'a"b,c\n'
    yield "no_end", b"a,b\nc,d"
    yield "many_fields", b"," * 64 + b"\n" + b"," * 63 + b"\n"
    yield "carriage_returns", b"a\rb,\r\r\n\r"


def expressions():
    """First byte: which value the first input has."""
    cases = {
        "arithmetic": "1 + 2 * -A.B / (3 - 4.5e-1) % 7",
        "logic": "not A and B or A <> B = true",
        "branches": "if A > 1 then \"x\" else if B then \"y\"\"z\" else T",
        "functions": "min(A, B, max(abs(C), round(D)), [mod])",
        "times": "A - B + (C - D)",
        "columns": "\"žltá\" = ;",
        "unclosed": "(1 + \"x",
        "bracket": "[A.B + 1",
        "reserved": "if then else",
        "deep": "(" * 65 + "A" + ")" * 65,
        "deep_if": "if A then 1 else " * 63 + "2",
        "long_number": "1" * 65,
        "cells": "[L.M][-3] + S[12].Temp * Abc[0]", "cell_cut": "S[12].", "index": "L[2147483648]",
    }
    for name, text in cases.items():
        for mode in range(3):
            yield f"{name}_{mode}", bytes([mode]) + text.encode()


def table_texts():
    """First byte: a type of elements, or a structure."""
    cases = {
        "reals": (3, "[1, -2.5e3, null]"), "low": (2, "{\"low\": -3, \"values\": [7]}"),
        "times": (4, "[\"2022-09-23T07:48:11.289000001Z\"]"), "seconds": (5, "[-0.000000001, 12]"),
        "escapes": (6, "[\"\\\"\\n\\u017e\\ud83d\\ude00ž\"]"), "half": (6, "[\"\\ud83d\"]"),
        "states": (11, "[\"Q_On\"]"), "booleans": (1, "[true,false]"), "hobj": (12, "[4294967296]"),
        "rows": (13, "[{\"Temp\": 1, \"Name\": \"x\"}, {\"Name\": null, \"Temp\": 2}]"),
        "twice": (13, "[{\"Temp\": 1, \"Temp\": 1}]"), "missing": (13, "[{\"Temp\": 1}]"),
        "unclosed": (6, "[\"abc"), "long_number": (2, "[" + "1" * 70 + "]"),
    }
    for name, (kind, text) in cases.items():
        yield name, bytes([kind]) + text.encode()


def main():
    targets = {"message": messages, "value": values, "text": texts, "registry": registry,
               "session": sessions, "reg_file": reg_files, "properties": properties, "csv": csv_files,
               "expression": expressions, "table_text": table_texts}
    for target, seeds in targets.items():
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, seed in seeds():
            (folder / name).write_bytes(seed)


if __name__ == "__main__":
    main()
