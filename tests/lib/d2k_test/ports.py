"""A port for the kernels of one test, also while none of them runs."""

import socket


def reserve():
    """(socket, port): while the socket is open, the system gives the port to nobody who asks for
    any; a kernel, which takes over addresses, may listen on it."""
    kept = socket.socket(socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET)
    if kept.family == socket.AF_INET6:
        kept.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("", 0))
    return kept, kept.getsockname()[1]
