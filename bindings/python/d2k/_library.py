"""libd2k as cffi shows it. ABI mode: nothing is compiled, so the package is the same on every processor and Python, and a
library that is corrected is used without building anything again."""

from __future__ import annotations

import os
from typing import Any

from cffi import FFI

from ._declarations import DECLARATIONS

ffi: Any = FFI()
ffi.cdef(DECLARATIONS + "void free(void *);")
lib: Any = ffi.dlopen(os.environ.get("D2K_LIBRARY", "libd2k.so.1"))
libc: Any = ffi.dlopen(None)


def text(pointer: Any) -> str:
    """A C string of the library; "" for NULL."""
    return "" if pointer == ffi.NULL else str(ffi.string(pointer), "utf-8", "replace")


def owned_text(pointer: Any) -> str:
    """A C string that is ours to free."""
    copy = text(pointer)
    libc.free(pointer)
    return copy
