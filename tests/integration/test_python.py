"""The Python package d2k: against real processes, and the examples of its README."""

import asyncio
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest

from d2k_test.config import tls_client, tls_server
from d2k_test.poll import DEADLINE_S
from d2k_test.programs import BUILD, REPOSITORY

pytest.importorskip("cffi")
# A library that was built with a sanitizer is loaded by no ordinary Python.
pytestmark = pytest.mark.release_build

PACKAGE = BUILD / "bindings/python"
RULES = "[Rights\\10]\nAllow = set, define\n"


@pytest.fixture(scope="module")
def d2k():
    os.environ["D2K_LIBRARY"] = str(BUILD / "src/client/libd2k.so.1")
    sys.path.insert(0, str(PACKAGE))
    import d2k as package
    yield package
    sys.path.remove(str(PACKAGE))


@pytest.fixture(params=["TLS", "plain"])
def parameters(request, plant, other_identity):
    secured = request.param == "TLS"
    server = tls_server(other_identity, "TLSNoPeerAuth") if secured else ""
    client = tls_client("TLSPeerAuth", other_identity.cert) if secured else ""
    plant.server_config.application("PLANT", server, RULES)
    plant.client_config.application("PLANT", client)
    plant.start_kernel()
    return [str(word) for word in plant.client_command("python")[1:]]


CONTENTS = {"BOOLEAN": True, "INTEGER": -2**63, "REAL": 0.1, "TEXT": "h\u00e4",
            "ABSOLUTE_TIME": datetime(2024, 2, 29, 12, 0, 0, 250000, timezone.utc),
            "RELATIVE_TIME": timedelta(days=-1, microseconds=1)}


def test_contents_come_back_the_same(d2k, parameters, plant):
    with d2k.Client(*parameters, "/WPYTHON") as client:
        for name, content in CONTENTS.items():
            kind = d2k.Type[name]
            client.define(f"Py.{name}", kind, "described", "m").publish(
                content, flags=3, status=d2k.Status.VALID | d2k.Status.MANUAL)
        client.flush()
        read = {change.name: change.value for change in client.read("Py.*")}
        assert {name: value.content for name, value in read.items()} == {
            f"Py.{name}": content for name, content in CONTENTS.items()}
        value = read["Py.REAL"]
        assert value.valid and value.flags == 3 and d2k.Status.MANUAL in value.status
        assert abs(value.time - datetime.now(timezone.utc)) < timedelta(hours=1)
        info, = client.list_objects("Py.REAL")
        assert (info.type, info.description, info.unit, info.owner) == (
            d2k.Type.REAL, "described", "m", "PYTHON.API")
        assert client.process_name in [process.name for process in client.list_processes()]
    plant.wait_for_state("PYTHON.API", "Stop")


def test_an_exception_leaves_without_log_off(d2k, parameters, plant):
    with pytest.raises(KeyError), d2k.Client(*parameters, "/WPYTHON") as client:
        raise KeyError
    with pytest.raises(d2k.Disconnected):
        client.read("*")
    plant.wait_for_state("PYTHON.API", "Crash")


def test_changes_come_to_an_iterator_with_and_without_asyncio(d2k, parameters):
    with d2k.Client(*parameters) as owner, d2k.Client(*parameters) as reader:
        count = owner.define("Py.Count", d2k.Type.INTEGER)
        count.publish(0)
        owner.flush()  # until an object is defined, its newest value alone is kept
        with reader.subscribe("Py.*", every=True):
            for number in range(1, 100):
                count.publish(number)
            owner.flush()
            seen = []
            for change in reader.changes():
                seen.append(change.value.content)
                if len(seen) == 100:
                    break
            assert seen == list(range(100))

            async def next_one():
                async for change in reader.changes_async():
                    return change.value.content

            async def publish():
                count.publish(7)
                owner.flush()

            async def both():
                return await asyncio.gather(next_one(), publish())
            assert asyncio.run(both()) == [7, None]
        assert list(reader.changes(timeout=0)) == []


def test_a_command_reaches_its_owner_and_the_outcome_the_writer(d2k, parameters):
    with d2k.Client(*parameters, "/WPYTHON") as owner:
        valve = owner.define("Py.Valve", d2k.Type.REAL, takes_commands=True)
        valve.publish(0)
        owner.flush()
        script = ("import sys, d2k\n"
                  "with d2k.Client(*sys.argv[1:]) as client:\n"
                  "    client.set('Py.Valve', 5.0)\n"
                  "    try:\n        client.set('Py.Valve', 500.0)\n"
                  "    except d2k.RefusedError as error:\n        print(error.sentence)\n")
        writer = subprocess.Popen([sys.executable, "-c", script, *parameters], text=True,
                                  stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(PACKAGE)})
        for command in owner.commands():
            if command.value.content > 100:
                command.refuse("too much")
                break
            valve.publish(command.value.content)
            command.accept()
        owner.flush()
        output, _ = writer.communicate(timeout=DEADLINE_S)
        assert (writer.returncode, output) == (0, "too much\n")
        change, = owner.read("Py.Valve")
        assert change.value.content == 5.0


def test_user_variables(d2k, parameters):
    with d2k.Client(*parameters) as client:
        client.configure("Py.Note", d2k.Type.TEXT, "a note")
        client.set("Py.Note", "written")
        change, = client.read("Py.Note")
        assert change.value.content == "written"
        client.delete("Py.Note")
        with pytest.raises(d2k.RefusedError) as refused:
            client.delete("Py.Note")
        assert refused.value.name == "NOT_FOUND" and refused.value.sentence


def test_what_is_wrong_is_refused_with_a_sentence(d2k, parameters):
    with pytest.raises(d2k.D2kError, match="start parameter"):
        d2k.Client("/nonsense")
    with pytest.raises(d2k.Disconnected) as failed:
        d2k.Client(*parameters, "/P1").connect()
    assert failed.value.sentence and isinstance(failed.value, ConnectionError)
    with d2k.Client(*parameters) as client:
        level = client.define("Py.Level", d2k.Type.REAL)
        for content, error in ((True, TypeError), ("1", TypeError), (None, TypeError),
                               (float("nan"), d2k.D2kError)):
            with pytest.raises(error):
                level.publish(content)
        with pytest.raises(ValueError, match="zone"):
            level.publish(1, time=datetime(2024, 1, 1))
        number = client.define("Py.Number", d2k.Type.INTEGER)
        with pytest.raises(OverflowError):
            number.publish(2**63)
        with pytest.raises(d2k.D2kError) as wrong:
            client.define("1 bad", d2k.Type.REAL)
        assert wrong.value.name == "ARGUMENT"
        with pytest.raises(d2k.RefusedError):
            client.log_on("nobody", "wrong")


def test_the_examples_of_the_readme_run(d2k, parameters, tmp_path):
    text = (REPOSITORY / "bindings/python/README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    assert len(blocks) == 6
    script = tmp_path / "examples.py"
    script.write_text(f"PARAMETERS = {parameters!r}\n" + "\n".join(blocks), encoding="utf-8")
    with d2k.Client(*parameters) as owner:
        pump = owner.define("Py.Pump", d2k.Type.BOOLEAN, takes_commands=True)
        pump.publish(False)
        owner.flush()
        examples = subprocess.Popen([sys.executable, script], text=True, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(PACKAGE)})
        command = next(owner.commands())
        command.accept()
        owner.flush()
        output, errors = examples.communicate(timeout=DEADLINE_S)
    assert examples.returncode == 0, errors
    assert "Py.Level 1.5" in output and "NOT_FOUND" in output


def test_types_are_right():
    if subprocess.run([sys.executable, "-m", "mypy", "--version"], capture_output=True,
                      check=False).returncode != 0:
        pytest.skip("no mypy")
    source = REPOSITORY / "bindings/python"
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", source / "pyproject.toml", "--cache-dir=/dev/null",
         PACKAGE / "d2k"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
