"""The Python package d2k: against real processes, and the examples of its README."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest

from d2k_test.config import tls_client, tls_server
from d2k_test.poll import DEADLINE_S
from d2k_test.programs import BUILD, REPOSITORY
from d2k_test.supervised import sleeper

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


def contents(d2k):
    return {"BOOLEAN": True, "INTEGER": -2**63, "REAL": 0.1, "TEXT": "h\u00e4",
            "ABSOLUTE_TIME": datetime(2024, 2, 29, 12, 0, 0, 250000, timezone.utc),
            "RELATIVE_TIME": timedelta(days=-1, microseconds=1),
            "LINE": d2k.Line.TRUE, "ALARM": d2k.Alarm.NO_KVIT, "STATION": d2k.Station.HARDERR,
            "PROCESS": d2k.Process.WDERR, "QUATERNARY": d2k.Quaternary.OSC, "HOBJ": d2k.Hobj(2**32 - 1)}


def test_contents_come_back_the_same(d2k, parameters, plant):
    with d2k.Client(*parameters, "/WPYTHON") as client:
        for name, content in contents(d2k).items():
            kind = d2k.Type[name]
            client.define(f"Py.{name}", kind, "described", "m").publish(
                content, flags=3, status=d2k.Status.VALID | d2k.Status.MANUAL)
        client.flush()
        read = {change.name: change.value for change in client.read("Py.*")}
        assert {name: (type(value.content), value.content) for name, value in read.items()} == {
            f"Py.{name}": (type(content), content) for name, content in contents(d2k).items()}
        value = read["Py.REAL"]
        assert value.valid and value.flags == 3 and d2k.Status.MANUAL in value.status
        assert abs(value.time - datetime.now(timezone.utc)) < timedelta(hours=1)
        assert read["Py.STATION"].content.text == "StHARDERR"
        info, = client.list_objects("Py.REAL")
        assert (info.type, info.description, info.unit, info.owner) == (
            d2k.Type.REAL, "described", "m", "PYTHON.API")
        assert client.process_name in [process.name for process in client.list_processes()]
    plant.wait_for_state("PYTHON.API", "Stop")


def test_every_state_has_the_name_that_the_kernel_gives_it(d2k):
    for kind, states in d2k.values.STATES.items():
        names = [d2k.values.text(d2k.values.lib.d2k_state_name(kind, n)) for n in range(len(states) + 1)]
        assert [state.text for state in states] == names[:-1] and names[-1] == ""
        for state in states:
            assert state.text.upper().replace("_", "").endswith(state.name.replace("_", ""))


def test_what_is_said_of_an_own_object_is_told_and_counts(d2k, parameters):
    limits = d2k.Limits(1, 2, 3, None)
    with d2k.Client(*parameters) as client:
        level = client.define("Py.Level", d2k.Type.REAL, "d", "m", path="Tanks", limits=d2k.Limits(1, 2, 3, 4),
                              history=3)
        for number in range(6):
            level.publish(number)
            client.flush()
        kept = client.history("Py.Level")
        assert [change.value.content for change in kept] == [3, 4, 5]
        assert [change.value.limit_status for change in kept] == [
            d2k.LimitStatus.IN_LIMIT, d2k.LimitStatus.H_LIMIT, d2k.LimitStatus.VH_LIMIT]
        assert [change.value.content for change in client.history("Py.Level", 1)] == [5]
        info, = client.list_objects("Py.Level")
        assert (info.path, info.limits, info.history, info.kind) == (
            "Tanks", d2k.Limits(1, 2, 3, 4), 3, d2k.Kind.PROCESS)
        client.define("Py.Level", d2k.Type.REAL, limits=limits, history=0, takes_commands=True)
        client.flush()
        info, = client.list_objects("Py.Level")
        assert (info.path, info.limits, info.history, info.writable) == ("", limits, 0, True)
        value = client.read("Py.Level")[0].value
        assert value.limit_status == d2k.LimitStatus.PROBLEM
        with pytest.raises(d2k.RefusedError) as refused:
            client.history("Py.None")
        assert refused.value.name == "NOT_FOUND"
        with pytest.raises(d2k.D2kError, match="at most 10000"):
            client.define("Py.Level", d2k.Type.REAL, history=10_001)


def test_an_exception_leaves_without_log_off(d2k, parameters, plant):
    with pytest.raises(KeyError), d2k.Client(*parameters, "/WPYTHON") as client:
        raise KeyError
    with pytest.raises(d2k.Disconnected):
        client.read("*")
    plant.wait_for_state("PYTHON.API", "Crash")


def test_changes_come_to_an_iterator(d2k, parameters):
    with d2k.Client(*parameters) as owner, d2k.Client(*parameters) as reader:
        count = owner.define("Py.Count", d2k.Type.INTEGER)
        count.publish(0)
        owner.flush()  # until an object is defined, its newest value alone is kept
        with reader.subscribe("Py.*", every=True) as subscription:
            for number in range(1, 100):
                count.publish(number)
            owner.flush()
            seen = []
            for change in reader.changes():
                seen.append(change.value.content)
                if len(seen) == 100:
                    break
            assert seen == list(range(100))

            assert subscription.lost == 0
        assert list(reader.changes(timeout=0)) == []


def test_a_subscription_is_thinned_out(d2k, parameters):
    with d2k.Client(*parameters) as owner, d2k.Client(*parameters) as reader:
        level = owner.define("Py.Level", d2k.Type.REAL)
        level.publish(0)
        owner.flush()
        with reader.subscribe("Py.Level", dead_band=5.0), reader.subscribe("Act_*", min_interval=3600.0):
            for number in (3, 5, 6):
                level.publish(number)
                owner.flush()
            seen = []
            while not seen or seen[-1] != 6:
                change = next(reader.changes())
                seen += [change.value.content] if change.name == "Py.Level" else []
            assert seen == [0, 6]
        for options in {"min_interval": 3600.001}, {"min_interval": 1, "every": True}, {"dead_band": -1.0}:
            with pytest.raises(d2k.D2kError) as wrong:
                reader.subscribe("Py.Level", **options)
            assert wrong.value.name == "ARGUMENT"


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


def test_process_alarms_are_given_told_and_acknowledged(d2k, parameters):
    with d2k.Client(*parameters) as client:
        assert d2k.ProcessAlarm.usual(d2k.Type.QUATERNARY) == {d2k.ProcessAlarm.ERR, d2k.ProcessAlarm.OSCILLATE}
        switch = client.define("Py.Switch", d2k.Type.QUATERNARY, alarms=[d2k.ProcessAlarm.ON], critical=True)
        switch.publish(d2k.Quaternary.ERR)
        switch.publish(d2k.Quaternary.ON)
        client.flush()
        value = client.read("Py.Switch")[0].value
        assert value.process_alarm == d2k.ProcessAlarm.ON and value.process_alarm.text == "On"
        assert value.process_alarm_time_ns == value.time_ns
        alarm = d2k.Status.PROC_ALARM | d2k.Status.NO_ACK_PALARM | d2k.Status.PR_AL_CRIT
        assert value.status & alarm == alarm
        assert client.acknowledge_alarms("Py.*") == 1 and client.acknowledge_alarms("Py.*") == 0
        assert d2k.Status.NO_ACK_PALARM not in client.read("Py.Switch")[0].value.status
        client.configure("Py.Silent", d2k.Type.LINE, alarms=())
        client.configure("Py.None", d2k.Type.LINE)
        infos = {info.name: (info.alarms, info.critical) for info in client.list_objects("Py.*")}
        assert infos == {"Py.Switch": ({d2k.ProcessAlarm.ON}, True), "Py.Silent": (frozenset(), False),
                         "Py.None": (None, False)}
        with pytest.raises(d2k.RefusedError):
            client.acknowledge_alarms("Py.None")


def test_arrays_and_structures(d2k, parameters):
    column = d2k.Column
    columns = (column(d2k.Type.REAL, "Temp"), column(d2k.Type.TEXT, "Name"), column(d2k.Type.STATION, "State"))
    with d2k.Client(*parameters) as client:
        curve = client.define("Py.Curve", d2k.Type.ARRAY, columns=[column(d2k.Type.REAL)])
        wanted = d2k.Array(d2k.Type.REAL, [1, None, 2.5], low=0)
        curve.publish(wanted, flags=1)
        client.flush()
        value = client.read("Py.Curve")[0].value
        assert value.content == wanted and value.content.values == (1.0, None, 2.5) and value.flags == 1
        assert client.list_objects("Py.Curve")[0].columns == (column(d2k.Type.REAL),)

        table = d2k.Structure(columns, [[81.5, "F\u00e4rbe", d2k.Station.HARDERR], [None, None, None]])
        client.configure("Py.Table", d2k.Type.STRUCTURE, columns=columns, default=table)
        content = client.read("Py.Table")[0].value.content
        assert content == table and content.low == 1
        assert content.dicts()[0] == {"Temp": 81.5, "Name": "F\u00e4rbe", "State": d2k.Station.HARDERR}
        empty = d2k.Structure(columns)
        client.set("Py.Table", empty)
        assert client.read("Py.Table")[0].value.content == empty
        assert client.list_objects("Py.Table")[0].columns == columns
        with pytest.raises(d2k.D2kError):
            client.set("Py.Table", d2k.Structure(columns[:2]))
        for content, error in ((d2k.Array(d2k.Type.REAL, ["x"]), TypeError),
                               (d2k.Array(d2k.Type.REAL, [float("nan")]), d2k.D2kError),
                               (d2k.Array(d2k.Type.INTEGER, [1]), d2k.D2kError),
                               (d2k.Array(d2k.Type.ARRAY), d2k.D2kError), (1.0, TypeError), ([1.0], TypeError)):
            with pytest.raises(error):
                curve.publish(content)
        with pytest.raises(ValueError, match="3 columns"):
            client.set("Py.Table", d2k.Structure(columns, [[1]]))


def test_a_snapshot_is_of_one_moment(d2k, parameters):
    with d2k.Client(*parameters) as client:
        for name in "Py.A", "Py.B":
            client.define(name, d2k.Type.INTEGER).publish(7)
        client.flush()
        values = [(c.name, c.value.content) for c in client.read_snapshot("Py.*", "Py.A", "No.*")]
        assert sorted(values) == [("Py.A", 7), ("Py.B", 7)]
        with pytest.raises(d2k.D2kError) as wrong:
            client.read_snapshot()
        assert wrong.value.name == "ARGUMENT"


def test_lists_are_filtered(d2k, parameters):
    with d2k.Client(*parameters, "/WPYTHON") as client:
        client.define("Py.Own", d2k.Type.REAL, path="Tanks/A").publish(1)
        client.define("Py.Empty", d2k.Type.TEXT)
        client.flush()
        client.configure("Py.Note", d2k.Type.TEXT)

        def names(**wanted):
            return {info.name for info in client.list_objects("Py.*", **wanted)}
        assert names() == {"Py.Own", "Py.Empty", "Py.Note"}
        assert names(kind=d2k.Type.TEXT) == {"Py.Empty", "Py.Note"}
        assert names(owner="PYTHON.*") == {"Py.Own", "Py.Empty"} and names(owner="") == {"Py.Note"}
        assert names(path="Tanks/*") == {"Py.Own"} and names(valid=True) == {"Py.Own"}
        assert names(valid=False, owner="PYTHON.*") == {"Py.Empty"}


def test_static_processes_are_started_and_stopped(d2k, supervised):
    plant = supervised.plant
    supervised.start(sleeper("SLEEP.API", Autostart="off"))
    words = [f"--config-dir={plant.server_config.directory}", f"--run-dir={plant.directory / 'run'}"]
    with d2k.Client("@PLANT", *words, local=True) as admin:
        admin.start_process("SLEEP.API")
        with pytest.raises(d2k.RefusedError, match="runs already"):
            admin.start_process("SLEEP.API")
        info, = admin.list_processes("SLEEP.API")
        assert info.program in (d2k.values.lib.D2K_PROGRAM_STARTING, d2k.values.lib.D2K_PROGRAM_RUNNING)
        admin.restart_process("SLEEP.API")
        admin.stop_process("SLEEP.API")
        info, = admin.list_processes("SLEEP.API")
        assert info.program == d2k.values.lib.D2K_PROGRAM_STOPPED
        with pytest.raises(d2k.RefusedError) as refused:
            admin.stop_process("NO.SUCH")
        assert refused.value.name == "NOT_FOUND"


def test_user_variables(d2k, parameters):
    with d2k.Client(*parameters) as client:
        client.configure("Py.Note", d2k.Type.TEXT, "a note", path="Notes", default="none", writable=True, history=5)
        assert client.read("Py.Note")[0].value.content == "none"
        client.set("Py.Note", "written")
        change, = client.read("Py.Note")
        assert change.value.content == "written"
        info, = client.list_objects("Py.Note")
        assert (info.kind, info.path, info.default, info.writable, info.history, info.limits) == (
            d2k.Kind.USER_VARIABLE, "Notes", "none", True, 5, None)
        client.delete("Py.Note")
        with pytest.raises(d2k.RefusedError) as refused:
            client.delete("Py.Note")
        assert refused.value.name == "NOT_FOUND" and refused.value.sentence


def test_computed_objects(d2k, parameters):
    with d2k.Client(*parameters) as client:
        client.configure("Py.Base", d2k.Type.REAL, default=4)
        client.configure("Py.Twice", d2k.Type.REAL, expression="2 * Py.Base", limits=d2k.Limits(1, 2, 6, 9))
        value = client.read("Py.Twice")[0].value
        assert (value.content, value.limit_status) == (8.0, d2k.LimitStatus.H_LIMIT)
        info, = client.list_objects("Py.Twice")
        assert (info.kind, info.expression) == (d2k.Kind.COMPUTED, "2 * Py.Base")
        with pytest.raises(d2k.RefusedError) as refused:
            client.configure("Py.Base", d2k.Type.REAL, expression="Py.Twice")
        assert refused.value.name == "CYCLE"


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
        station = client.define("Py.Station", d2k.Type.STATION)
        station.publish(5)
        for content, error in ((6, ValueError), (-1, ValueError), (d2k.Line.TRUE, TypeError), (True, TypeError)):
            with pytest.raises(error):
                station.publish(content)
        for content in d2k.Station.ON, d2k.Hobj(1):
            with pytest.raises(TypeError):
                level.publish(content)
        with pytest.raises(d2k.D2kError) as wrong:
            client.define("1 bad", d2k.Type.REAL)
        assert wrong.value.name == "ARGUMENT"
        with pytest.raises(d2k.RefusedError):
            client.log_on("nobody", "wrong")


def test_after_the_end_nothing_is_used_any_more(d2k, parameters):
    with d2k.Client(*parameters) as client:
        level = client.define("Py.Level", d2k.Type.REAL)
    with pytest.raises(d2k.Disconnected):
        level.publish(1)
    client.close()


def test_the_sentence_of_a_client_that_cannot_be_made_is_freed(d2k, tmp_path, monkeypatch):
    class Counting:
        freed = []

        def free(self, pointer):
            self.freed.append(pointer)
            d2k.values.ffi.dlopen(None).free(pointer)
    (tmp_path / "cfg_PLANT.conf").write_text("[TLS_Client]\nTLS_RequiredLevel = nonsense\n", encoding="utf-8")
    monkeypatch.setattr(d2k._library, "libc", Counting())
    with pytest.raises(d2k.D2kError, match="nonsense") as failed:
        d2k.Client("@PLANT", f"--config-dir={tmp_path}")
    assert failed.value.name == "CONFIG" and len(Counting.freed) == 1


# ---- asyncio ----

def test_asyncio_reads_sets_defines_and_follows(d2k, parameters, plant):
    async def own(client):
        valve = client.define("Py.Valve", d2k.Type.REAL, takes_commands=True, history=10)
        valve.publish(0)
        await client.flush()
        async for command in client.commands():
            if command.value.content > 100:
                command.refuse("too much")
                return
            valve.publish(command.value.content)
            command.accept()

    async def use(client):
        await client.configure("Py.Note", d2k.Type.INTEGER, default=1)
        assert [o.name for o in await client.list_objects("Py.N*")] == ["Py.Note"]
        async with await client.subscribe("Py.*", every=True) as subscription:
            await client.set("Py.Note", 2)
            seen = []
            async for change in client.changes():
                seen.append((change.name, change.value.content))
                if seen[-1] == ("Py.Note", 2):
                    break
            assert subscription.lost == 0
        while not await client.read("Py.Valve"):
            pass
        await client.set("Py.Valve", 5.0)
        assert [change.name for change in await client.read_snapshot("Py.Valve")] == ["Py.Valve"]
        with pytest.raises(d2k.RefusedError, match="too much"):
            await client.set("Py.Valve", 500.0)
        assert 5.0 in [change.value.content for change in await client.history("Py.Valve")]
        assert await client.acknowledge_alarms("Py.*") == 0
        assert [o.name for o in await client.list_objects("Py.*", owner="")] == ["Py.Note"]
        with pytest.raises(d2k.RefusedError):
            await client.start_process("NO.SUCH")
        await client.delete("Py.Note")
        with pytest.raises(d2k.RefusedError):
            await client.log_on("nobody", "wrong")
        assert client.process_name in [process.name for process in await client.list_processes()]
        assert [change async for change in client.changes(timeout=0)] == []

    async def both():
        async with d2k.AsyncClient(*parameters, "/WOWNER") as owner, d2k.AsyncClient(*parameters) as user:
            await asyncio.gather(own(owner), use(user))
    asyncio.run(both())
    plant.wait_for_state("OWNER.API", "Stop")


def test_many_tasks_ask_over_one_connection(d2k, parameters):
    async def ask(client, number):
        await client.configure(f"Py.N{number}", d2k.Type.INTEGER, default=number)
        change, = await client.read(f"Py.N{number}")
        return change.value.content

    async def all_of_them():
        async with d2k.AsyncClient(*parameters) as client:
            return await asyncio.gather(*(ask(client, number) for number in range(50)))
    assert asyncio.run(all_of_them()) == list(range(50))


def test_who_takes_changes_slowly_loses_none_and_asks_no_more(d2k, parameters, monkeypatch):
    monkeypatch.setattr(d2k.aio, "CHANGES_MAX", 10)

    async def follow():
        async with d2k.AsyncClient(*parameters) as owner, d2k.AsyncClient(*parameters) as reader:
            count = owner.define("Py.Count", d2k.Type.INTEGER)
            count.publish(0)
            await owner.flush()
            async with await reader.subscribe("Py.Count", every=True) as subscription:
                for number in range(1, 501):
                    count.publish(number)
                await owner.flush()
                while len(reader._changes) < 10:
                    await owner.read("Act_Client")
                with pytest.raises(d2k.D2kError, match="10 changes wait to be taken"):
                    await reader.read("Py.Count")
                seen = []
                async for change in reader.changes():
                    seen.append(change.value.content)
                    if change.value.content == 500:
                        break
                assert seen == list(range(501)) and subscription.lost == 0
                assert (await reader.read("Py.Count"))[0].value.content == 500
    asyncio.run(follow())


def test_asyncio_tells_the_end_to_everybody_who_waits(d2k, parameters, plant):
    async def wait_for_the_end():
        client = d2k.AsyncClient(*parameters, "/WPYTHON")
        with pytest.raises(d2k.Disconnected):
            async with client:
                async def changes():
                    async for _ in client.changes():
                        pass

                async def commands():
                    async for _ in client.commands():
                        pass
                tasks = [asyncio.ensure_future(waiting()) for waiting in (changes, commands)]
                await client.read("*")
                plant.programs[0].kill()
                for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                    assert isinstance(outcome, d2k.Disconnected) and outcome.sentence
                await client.read("*")
        with pytest.raises(d2k.Disconnected, match="closed"):
            await client.read("*")
    asyncio.run(wait_for_the_end())


def test_asyncio_leaves_without_log_off_after_an_exception_and_connects_to_nobody(d2k, parameters, plant):
    async def leave():
        with pytest.raises(KeyError):
            async with d2k.AsyncClient(*parameters, "/WPYTHON"):
                raise KeyError

    async def nobody():
        with pytest.raises(d2k.Disconnected):
            await d2k.AsyncClient(*parameters, "/P1").connect()
    asyncio.run(leave())
    plant.wait_for_state("PYTHON.API", "Crash")
    asyncio.run(nobody())


def test_an_answer_that_does_not_come_ends_the_waiting(d2k, parameters, plant):
    async def ask():
        async with d2k.AsyncClient(*parameters) as client:
            client.timeout = 0.3
            plant.programs[0].signal(signal.SIGSTOP)
            try:
                with pytest.raises(d2k.TimeoutExpired):
                    await client.read("*")
            finally:
                plant.programs[0].signal(signal.SIGCONT)
            client.timeout = DEADLINE_S
            assert await client.read("Act_Client")
            assert [change async for change in client.changes(timeout=0)] == []
    asyncio.run(ask())


def test_the_examples_of_the_readme_run(d2k, parameters, tmp_path):
    text = (REPOSITORY / "bindings/python/README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    assert len(blocks) == 7
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
