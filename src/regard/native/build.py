"""Compiles the native library, once for each instruction set; run by the build hook, with nothing but Python.

Importing it costs little: whoever loads the library asks it for the name.

By hand: `python src/regard/native/build.py`.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
NAME = {"darwin": "libregard.dylib", "win32": "regard.dll"}.get(sys.platform, "libregard.so")

_AVX512 = ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mprefer-vector-width=512"]
X86 = {
    "amx": [*_AVX512, "-mavx512bf16", "-mamx-tile", "-mamx-bf16"],
    "avx512": _AVX512,
    "avx2": ["-mavx2", "-mfma"],
}
"""Instruction sets beside the portable one, and what the compiler wants to hear of them."""

PORTABLE: dict[str, list[str]] = {"portable": []}

DECODING = {
    "amx": [*X86["amx"], "-mamx-int8", "-mavx512vnni"],
    "avx512_bf16": [*_AVX512, "-mavx512vnni", "-mavx512bf16"],
    "avx512": [*_AVX512, "-mavx512vnni"],
    "avx2": X86["avx2"],
}
"""The same for decoding, which wants products of bytes and of bfloat16."""

_MATHS = ["-ffp-contract=fast", "-fno-math-errno"]
FLAGS = ["-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", *_MATHS, "-Wno-psabi", "-pthread"]


class BuildError(Exception):
    """The library cannot be built here; says why."""


def compiler() -> list[str]:
    """Return a C++ compiler's command: $CXX, the system's, or the ziglang package's; empty if there is none."""
    import shlex
    import shutil

    if os.environ.get("CXX"):
        return shlex.split(os.environ["CXX"])
    for name in ("c++", "g++", "clang++"):
        if shutil.which(name):
            return [name]
    zig = [sys.executable, "-m", "ziglang", "c++", "-mcpu=baseline"]  # else it compiles for this very processor
    return zig if find_spec("ziglang") else []


def build(folder: Path = HERE) -> Path:
    """Compile and link the library into `folder`; return its path.

    Raises BuildError.
    """
    import shutil
    import tempfile
    from concurrent.futures import ThreadPoolExecutor

    command = compiler()
    if not command:
        raise BuildError("there is no C++ compiler")
    with tempfile.TemporaryDirectory() as objects:
        units = _units(command)
        made = [f"{objects}/{i}.o" for i in range(len(units))]

        own = os.environ.get("CXXFLAGS", "").split()

        def compile_one(unit: tuple[str, list[str]], target: str) -> None:
            _run([*command, *FLAGS, *unit[1], *own, "-c", str(HERE / "src" / unit[0]), "-o", target])

        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(compile_one, units, made))
        static = ["-static-libstdc++", "-static-libgcc"] if command[0].endswith("g++") else []
        linked = Path(objects) / NAME
        _run([*command, "-shared", "-pthread", *own, *static, *made, "-o", str(linked)])
        fresh = folder / f".{NAME}.{os.getpid()}"
        shutil.copyfile(linked, fresh)
        fresh.replace(folder / NAME)  # a process that has the old one loaded keeps it
    return folder / NAME


def _units(command: list[str]) -> list[tuple[str, list[str]]]:
    """Return what to compile, below `src`, and the flags that each needs besides."""
    import platform

    x86 = platform.machine().lower() in ("x86_64", "amd64")
    sets, decoding = (X86, DECODING) if x86 else ({}, {})
    tiles = x86 and sys.platform == "linux" and _compiles(command, DECODING["amx"])
    if not tiles:  # an older compiler, or a system that does not lend tiles
        sets, decoding = ({name: kept[name] for name in kept if name != "amx"} for kept in (sets, decoding))
    if x86 and not _compiles(command, DECODING["avx512_bf16"]):  # an older compiler: bfloat16 is widened instead
        decoding = {**decoding, "avx512_bf16": DECODING["avx512"]}
    units = [("kernels.cpp", [f"-DINSTRUCTIONS={name}", *flags]) for name, flags in (sets | PORTABLE).items()]
    for name, flags in (decoding | PORTABLE).items():
        units.append(("decoder/kernels.cpp", [f"-DINSTRUCTIONS={name}", *flags]))
    others = [f"decoder/{path.name}" for path in sorted((HERE / "src" / "decoder").glob("*.cpp"))]
    with_amx = ["-DWITH_AMX"] if tiles else []
    units += [(name, with_amx) for name in others if name != "decoder/kernels.cpp"]
    return [*units, ("library.cpp", with_amx)]


def _compiles(command: list[str], flags: list[str]) -> bool:
    """Whether the compiler knows these flags."""
    try:
        _run([*command, *flags, "-fsyntax-only", "-x", "c++", os.devnull])
    except BuildError:
        return False
    return True


def _run(command: list[str]) -> None:
    import shlex
    import subprocess

    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BuildError(f"{command[0]} cannot be run: {error}") from None
    if done.returncode:
        raise BuildError(f"{shlex.join(command)} failed:\n{done.stderr.strip()[-2000:]}")


if __name__ == "__main__":
    sys.stdout.write(f"{build()}\n")
