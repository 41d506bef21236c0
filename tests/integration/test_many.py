"""A thousand clients on this machine: all receive a value within 100 ms of its publication."""

import select
import statistics
import time

import pytest

from d2k_test import protocol
from d2k_test.config import tls_server
from d2k_test.poll import DEADLINE_S

CLIENTS = 1000
ROUNDS = 20
LIMIT_S = 0.100


def receive_round(poll, links, expected):
    """Seconds from now until each link has received the value."""
    missing, arrived = set(links), []
    end = time.monotonic() + DEADLINE_S
    while missing and time.monotonic() < end:
        for descriptor, _ in poll.poll(1):
            link = links[descriptor]
            link.read_ready()
            while message := link.take():
                if message.name == "Update":
                    for *_, content in protocol.value_records(message.values):
                        assert int.from_bytes(content, "little") == expected
                        missing.discard(descriptor)
                        arrived.append(time.monotonic())
    assert not missing, f"{len(missing)} clients did not receive value {expected}"
    return arrived


@pytest.mark.performance
def test_a_thousand_clients_receive_a_value_within_100_ms(plant, shared_certificates):
    plant.server_config.application(
        "PLANT", tls_server(shared_certificates.make("many"), "TLSNoPeerAuth"))
    plant.start_kernel()
    context = protocol.tls_context()
    links, poll = {}, select.epoll()
    try:
        source = protocol.Link(plant.port, context=context)
        source.register("SOURCE.API", flags=0)
        hobj = source.define("Many.Counter")
        for _ in range(CLIENTS):
            link = protocol.Link(plant.port, context=context)
            links[link.fileno()] = link
            link.register()
            link.subscribe("Many.Counter")
            poll.register(link.fileno(), select.EPOLLIN)
        worst, delays = [], []
        for number in range(1, ROUNDS + 1):
            published = time.monotonic()
            source.publish(hobj, number, number)
            arrived = [at - published for at in receive_round(poll, links, number)]
            worst.append(max(arrived))
            delays += arrived
        print(f"{CLIENTS} clients, {ROUNDS} values: p50 {statistics.median(delays) * 1000:.1f} ms,"
              f" max {max(delays) * 1000:.1f} ms")
        assert max(worst) < LIMIT_S, [f"{w * 1000:.0f} ms" for w in worst]
    finally:
        for link in links.values():
            link.close()
        poll.close()
