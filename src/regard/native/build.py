"""Compiles the native library, once for each instruction set; run by the build hook, with nothing but Python.

By hand: `python src/regard/native/build.py`.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
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

FLAGS = ["-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-ffp-contract=fast", "-fno-math-errno", "-Wno-psabi"]


class BuildError(Exception):
    """The library cannot be built here; says why."""


def compiler() -> list[str]:
    """Return a C++ compiler's command: $CXX, the system's, or the ziglang package's; empty if there is none."""
    if os.environ.get("CXX"):
        return shlex.split(os.environ["CXX"])
    for name in ("c++", "g++", "clang++"):
        if shutil.which(name):
            return [name]
    return [sys.executable, "-m", "ziglang", "c++"] if find_spec("ziglang") else []


def build(folder: Path = HERE) -> Path:
    """Compile and link the library into `folder`; return its path.

    Raises BuildError.
    """
    command = compiler()
    if not command:
        raise BuildError("there is no C++ compiler")
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    sets = (X86 if x86 else {}) | {"portable": []}
    with tempfile.TemporaryDirectory() as objects:
        if "amx" in sets and not (sys.platform == "linux" and _compiles(command, sets["amx"])):
            del sets["amx"]  # an older compiler, or a system that does not lend tiles
        jobs = [
            (HERE / "src" / "kernels.cpp", name, [f"-DINSTRUCTIONS={name}", *flags]) for name, flags in sets.items()
        ]
        jobs.append((HERE / "src" / "library.cpp", "library", ["-DWITH_AMX"] if "amx" in sets else []))
        made = [f"{objects}/{name}.o" for _, name, _ in jobs]
        for (source, _, flags), target in zip(jobs, made, strict=True):
            _run([*command, *FLAGS, *flags, "-c", str(source), "-o", target])
        static = ["-static-libstdc++", "-static-libgcc"] if command[0].endswith("g++") else []
        linked = Path(objects) / NAME
        _run([*command, "-shared", *static, *made, "-o", str(linked)])
        fresh = folder / f".{NAME}.{os.getpid()}"
        shutil.copyfile(linked, fresh)
        fresh.replace(folder / NAME)  # a process that has the old one loaded keeps it
    return folder / NAME


def _compiles(command: list[str], flags: list[str]) -> bool:
    """Whether the compiler knows these flags."""
    try:
        _run([*command, *flags, "-fsyntax-only", "-x", "c++", os.devnull])
    except BuildError:
        return False
    return True


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BuildError(f"{command[0]} cannot be run: {error}") from None
    if done.returncode:
        raise BuildError(f"{shlex.join(command)} failed:\n{done.stderr.strip()[-2000:]}")


if __name__ == "__main__":
    sys.stdout.write(f"{build()}\n")
