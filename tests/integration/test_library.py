"""libd2k.so as its users meet it: what it needs, what it exports, how it is found."""

import os
import re
import subprocess

import pytest

from d2k_test.programs import BUILD, REPOSITORY

# A library built with a sanitizer needs and exports what the sanitizer does.
pytestmark = pytest.mark.release_build

LIBRARY = BUILD / "src/client/libd2k.so.1"
ALLOWED = re.compile(r"(libssl|libcrypto|libcares|libc)\.so\.\d+|ld-linux.*\.so\.\d+")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed():
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", str(LIBRARY)))


def exported():
    lines = run("nm", "-D", "--defined-only", "--format=posix", str(LIBRARY)).splitlines()
    return {line.split()[0] for line in lines}


def declared():
    headers = (REPOSITORY / "include/d2k").glob("*.h")
    text = " ".join(header.read_text() for header in headers)
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return set(re.findall(r"D2K_API[^;{]*?\b(d2k_\w+)\s*\(", text))


def test_needs_only_ssl_crypto_cares_and_libc():
    assert needed()
    assert [name for name in needed() if not ALLOWED.fullmatch(name)] == []


def test_exports_exactly_what_the_headers_declare():
    assert len(declared()) > 50
    assert exported() == declared()


def test_soname_carries_the_version_of_the_interface():
    assert "[libd2k.so.1]" in run("readelf", "-d", str(LIBRARY))


@pytest.mark.parametrize("example", ["publisher", "subscriber"])
def test_examples_use_the_public_headers_and_the_library_alone(example):
    source = (REPOSITORY / "examples" / f"{example}.c").read_text()
    assert not re.findall(r'#include "', source)
    names = re.findall(r"\(NEEDED\).*\[(.*)\]",
                       run("readelf", "-d", str(BUILD / "examples" / example)))
    assert "libd2k.so.1" in names
    assert [n for n in names if not re.match(r"lib(d2k|c|m)\.so|ld-linux", n)] == []


@pytest.mark.parametrize("compiler", ["c", "c++"])
def test_header_compiles_alone_and_pedantically(tmp_path, compiler):
    standard = {"c": ["cc", "-std=c11"], "c++": ["c++", "-std=c++11"]}[compiler]
    try:
        subprocess.run([standard[0], "--version"], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip(f"no {standard[0]}")
    source = tmp_path / "only.c"
    source.write_text("#include <d2k/d2k.h>\nint main(void) { return d2k_version() == 0; }\n")
    run(*standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-x", compiler,
        f"-I{REPOSITORY / 'include'}", "-c", str(source), "-o", str(tmp_path / "only.o"))


def test_pkg_config_finds_it_after_installation(tmp_path):
    """Installs into a directory and builds an example from there, shared and static, as the comment
    in the example says."""
    environment = dict(os.environ, DESTDIR=str(tmp_path))
    subprocess.run(["meson", "install", "-C", str(BUILD), "--no-rebuild", "--quiet"], check=True,
                   env=environment, capture_output=True)
    package = next(tmp_path.rglob("d2k.pc"))
    library = next(tmp_path.rglob("libd2k.so.1"))
    environment = dict(os.environ, PKG_CONFIG_PATH=str(package.parent),
                       PKG_CONFIG_SYSROOT_DIR=str(tmp_path))

    def flags(*words):
        return subprocess.run(["pkg-config", *words, "d2k"], check=True, capture_output=True,
                              text=True, env=environment).stdout.split()

    source = str(REPOSITORY / "examples/publisher.c")
    shared = tmp_path / "publisher"
    run("cc", source, "-o", str(shared), *flags("--cflags", "--libs"), "-lm")
    environment["LD_LIBRARY_PATH"] = str(library.parent)
    text = subprocess.run([shared, "/?"], check=True, capture_output=True, text=True,
                          env=environment).stdout
    assert "--server=" in text
    static = tmp_path / "publisher-static"
    words = [w for w in flags("--cflags", "--libs", "--static") if w != "-ld2k"]
    run("cc", source, "-o", str(static), str(next(tmp_path.rglob("libd2k.a"))), *words, "-lm")
    assert "libd2k" not in run("readelf", "-d", str(static))
