#!/usr/bin/python3
"""tools/run_tests.py: the stages of ./run-tests. Every stage counts into one total; a stage that
could not run is a failure, and so is one that found nothing to test. Logs: build-logs/."""

import argparse
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
LOGS = REPOSITORY / "build-logs"
STAGE_TIMEOUT_S = 900
FUZZ_SECONDS = 5
FAILURE_LINES = 80
INSTRUMENTED = "not performance and not release_build"
# Programs with one thread, and documents: nothing there can race.
ONE_THREAD = ("administration", "certs", "exit_codes", "kom_groups", "library", "log_document", "man",
              "ping", "programs", "refused_starts", "registry", "registry_change", "registry_import",
              "tell_session", "users")
# What several handshake workers could do to each other.
OF_WORKERS = ("hostile", "levels", "lifecycle", "resumption", "slow_readers")
# One fewer and more than a small machine has processors: the default is one each.
WORKER_COUNTS = (1, 5)
SUPPRESSIONS = REPOSITORY / "tests/lib/tsan.supp"


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


ONE_PASSED = Counts(passed=1)
ONE_FAILED = Counts(failed=1)


@dataclass
class Build:
    """One build directory and how the tests in it are run."""

    name: str
    compiler: str
    options: list = field(default_factory=list)
    environment: dict = field(default_factory=dict)
    prefix: list = field(default_factory=list)
    chosen: str = "not performance"  # which of the integration tests, as pytest's -m takes it
    pytest_options: list = field(default_factory=list)

    @property
    def directory(self):
        return REPOSITORY / self.name


def end_group(process):
    """Ends a command of ours that took too long, with all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
            return
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return


def run(command, log, environment=None, timeout_s=STAGE_TIMEOUT_S):
    """Runs a command with its output appended to a log file; returns its exit code."""
    with open(log, "ab") as output:
        output.write(f"$ {' '.join(map(str, command))}\n".encode())
        output.flush()
        try:
            process = subprocess.Popen(
                command, cwd=REPOSITORY, env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            output.write(f"cannot run: {error}\n".encode())
            return 127
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            end_group(process)
            output.write(f"ended after {timeout_s} s\n".encode())
            return 124
        except BaseException:
            end_group(process)
            raise


# ---- what each kind of stage counts ----


def check(command, log):
    return ONE_PASSED if run(command, log) == 0 else ONE_FAILED


def build(what, log):
    """Configures (again) and builds."""
    arguments = [what.directory, REPOSITORY, "-Dtests=enabled", "-Dwerror=true", *what.options]
    again = ["--reconfigure"] if (what.directory / "build.ninja").exists() else []
    compiler = {"CC": what.compiler}
    if (run(["meson", "setup", *again, *arguments], log, compiler) != 0
            and run(["meson", "setup", "--wipe", *arguments], log, compiler) != 0):
        return ONE_FAILED
    return ONE_PASSED if run(["ninja", "-C", what.directory], log) == 0 else ONE_FAILED


def count_meson(testlog):
    counts = Counts()
    for line in testlog.read_text(encoding="utf-8").splitlines():
        result = json.loads(line)["result"]
        if result in ("OK", "EXPECTEDFAIL"):
            counts.passed += 1
        elif result == "SKIP":
            counts.skipped += 1
        else:
            counts.failed += 1
    return counts


def unit_tests(what, log):
    """Unit and simulation tests: all that meson knows."""
    testlog = what.directory / "meson-logs/testlog.json"
    testlog.unlink(missing_ok=True)
    command = [*what.prefix, "meson", "test", "-C", what.directory, "--no-rebuild",
               "--print-errorlogs", "--num-processes", str(os.cpu_count() or 2)]
    code = run(command, log, what.environment)
    counts = count_meson(testlog) if testlog.exists() else Counts()
    if counts.passed + counts.failed == 0 or (code != 0 and counts.failed == 0):
        counts.failed += 1
    return counts


def count_junit(junit):
    counts = Counts()
    for suite in ElementTree.parse(junit).getroot().iter("testsuite"):
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        counts.add(Counts(max(int(suite.get("tests", 0)) - failed - skipped, 0), failed, skipped))
    return counts


def pytest_run(what, log, options, environment=None):
    junit = what.directory / f"{log.stem}.xml"
    junit.unlink(missing_ok=True)
    command = [*what.prefix, "/usr/bin/python3", "-B", "-m", "pytest", "-q", "-p",
               "no:cacheprovider", "--durations=10", "-o", "junit_family=xunit1",
               f"--junitxml={junit}", *options]
    code = run(command, log, {**what.environment, "D2K_BUILD": str(what.directory),
                              **(environment or {})})
    counts = count_junit(junit) if junit.exists() else Counts()
    if counts.passed + counts.failed == 0 or (code != 0 and counts.failed == 0):
        counts.failed += 1
    return counts


def beside_each_other():
    """Two for each processor: tests mostly wait."""
    return ["-n", str(2 * (os.cpu_count() or 2))]


def integration_tests(what, log):
    """All but those that measure."""
    return pytest_run(what, log, [*beside_each_other(), "-m", what.chosen, *what.pytest_options,
                                  "tests/integration"])


def performance_tests(what, log):
    return pytest_run(what, log, ["-m", "performance", "tests/integration"])


def worker_tests(what, log, count):
    tests = [f"tests/integration/test_{name}.py" for name in OF_WORKERS]
    return pytest_run(what, log, [*beside_each_other(), "-m", what.chosen, *tests],
                      {"D2K_TEST_WORKERS": str(count)})


def fuzz_one(what, target, log):
    """One target for a few seconds over its stored corpus; what it finds stays out of the tree."""
    corpus = REPOSITORY / "tests/fuzz/corpus" / target.name.removeprefix("fuzz_")
    if not corpus.is_dir() or not any(corpus.iterdir()):
        log.write_text(f"{target.name} has no stored corpus {corpus}\n", encoding="utf-8")
        return ONE_FAILED
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as found:
        command = [*what.prefix, target, f"-max_total_time={FUZZ_SECONDS}", "-timeout=10",
                   "-rss_limit_mb=2048", "-print_final_stats=1",
                   f"-artifact_prefix={LOGS}/{target.name}-", found, corpus]
        return ONE_PASSED if run(command, log, what.environment) == 0 else ONE_FAILED


def fuzz(what, log):
    """All targets, one for each processor at a time; those that failed stand last in the log."""
    targets = sorted(p for p in (what.directory / "tests/fuzz").glob("fuzz_*")
                     if p.is_file() and os.access(p, os.X_OK))
    logs = [LOGS / f"{target.name}.log" for target in targets]
    counts = Counts()
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        results = list(pool.map(functools.partial(fuzz_one, what), targets, logs))
    for result, own_log in sorted(zip(results, logs), key=lambda pair: pair[0].failed):
        counts.add(result)
        with open(log, "ab") as output:
            output.write(own_log.read_bytes())
    return counts if targets else ONE_FAILED


# ---- what this machine lets sanitizers do ----


def probe(flags, prefix, source="int main(void) { return 0; }"):
    """Output of a small program that was built with these flags; None: it could not run."""
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "probe"
        compiled = subprocess.run(["clang", *flags, "-x", "c", "-", "-o", program],
                                  input=source.encode(), check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if compiled.returncode != 0:
            return None
        ran = subprocess.run([*prefix, program], check=False, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return ran.stdout.decode(errors="replace") if ran.returncode == 0 else None


def fixed_addresses():
    """Kernels with many random address bits break older sanitizers: run them without, if allowed."""
    prefix = ["setarch", "-R"]
    works = subprocess.run([*prefix, "true"], check=False, stderr=subprocess.DEVNULL).returncode
    return prefix if works == 0 else []


def sanitizer_builds():
    prefix = fixed_addresses()
    leaks = probe(["-fsanitize=address"], prefix) is not None
    if not leaks:
        print("Note: LeakSanitizer cannot work here (no right to trace); leaks are not looked for.")
    symbolizer = {"ASAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-14",
                  "TSAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-14"}
    address = Build(
        "build-asan", "clang",
        ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dfuzz=true",
         "-Dc_args=-fno-sanitize-recover=all -fno-omit-frame-pointer"],
        {**symbolizer,
         "ASAN_OPTIONS": f"detect_leaks={int(leaks)}:abort_on_error=0:detect_stack_use_after_return=1",
         "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1", "D2K_SANITIZER": "address"},
        prefix, INSTRUMENTED)
    thread = Build(
        "build-tsan", "clang", ["-Db_sanitize=thread", "-Db_lundef=false"],
        {**symbolizer, "TSAN_OPTIONS": f"halt_on_error=1:suppressions={SUPPRESSIONS}",
         "D2K_SANITIZER": "thread"},
        prefix, INSTRUMENTED,
        [f"--ignore=tests/integration/test_{name}.py" for name in ONE_THREAD])
    return address, thread


# ---- the whole ----


class Report:
    def __init__(self):
        self.total = Counts()
        self.lines = []

    def stage(self, name, function, *arguments):
        """Runs one stage, prints what came of it, and the end of its log when it failed."""
        log = LOGS / f"{name.replace(': ', '-').replace(' ', '-')}.log"
        log.unlink(missing_ok=True)
        print(f"== {name}", flush=True)
        began = time.monotonic()
        try:
            counts = function(*arguments, log)
        except (OSError, ValueError, ElementTree.ParseError, subprocess.SubprocessError) as error:
            print(f"{name} could not run: {error}")
            counts = ONE_FAILED
        self.total.add(counts)
        line = f"{name:<34} {counts}  ({time.monotonic() - began:.0f} s)"
        self.lines.append(line)
        if counts.failed:
            if log.exists():
                lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
                print("\n".join(lines[-FAILURE_LINES:]))
            print(f"FAILED: {name}; the whole log: {log}")
        print(f"   {counts}", flush=True)
        return counts.failed == 0

    def tests_of(self, what, *stages):
        """Builds, then the stages that need the build; without it each of them has failed."""
        built = self.stage(f"{what.name}: build", build, what)
        for name, function in stages:
            if built:
                self.stage(f"{what.name}: {name}", function, what)
            else:
                self.stage(f"{what.name}: {name}", lambda _log: ONE_FAILED)

    def finish(self):
        print("\nSummary")
        print("\n".join(f"  {line}" for line in self.lines))
        print(f"\n{self.total}", flush=True)
        return 1 if self.total.failed else 0


def check_sources(report):
    for tool in ("check-layers", "check-style"):
        report.stage(tool, check, [REPOSITORY / "tools" / tool])
        report.stage(f"{tool} self-test", check, [REPOSITORY / "tools" / tool, "--self-test"])
    report.stage("clang-format", check, ["bash", "-c", "set -o pipefail; git -c 'safe.directory=*' ls-files -z"
                 " --cached --others --exclude-standard '*.c' '*.h'"
                 " | xargs -0 clang-format-14 --dry-run -Werror"])


def main():
    parser = argparse.ArgumentParser(prog="run-tests", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true",
                        help="gcc build, its tests, and the checks of the sources only")
    parser.add_argument("--packages", action="store_true",
                        help="only builds the Debian packages and tries them in a bare root")
    options = parser.parse_args()
    LOGS.mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # end what runs, then ourselves
    unit, integration = ("unit tests", unit_tests), ("integration tests", integration_tests)

    report = Report()
    if options.packages:
        report.stage("packages", check, [REPOSITORY / "tools/build-packages"])
        return report.finish()
    check_sources(report)
    report.tests_of(Build("build", "gcc"), unit, integration,
                    ("tests that measure", performance_tests))
    if not options.quick:
        report.tests_of(Build("build-clang", "clang"), unit)
        address, thread = sanitizer_builds()
        report.tests_of(address, unit, integration, ("fuzz", fuzz))
        report.tests_of(thread, unit, integration,
                        *((f"{count} handshake workers", functools.partial(worker_tests, count=count))
                          for count in WORKER_COUNTS))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
