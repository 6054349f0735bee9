"""regard doctor: tell what this machine has, what regard will use of it, and what is missing."""

import argparse
import importlib.metadata
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from regard import __version__
from regard.errors import MissingExtraError
from regard.inspection.page_file import built_page
from regard.native.decoder import decoding_set
from regard.native.library import native

GIB = 2**30
PACKAGES = {  # name: (what it is for, the extra that brings it; none if regard cannot do without)
    "torch": ("training and translating", ""),
    "safetensors": ("reading and writing models", ""),
    "sentencepiece": ("subword tokenizers", ""),
    "sacrebleu": ("BLEU, chrF and TER", ""),
    "babel": ("the phrasebook of quickstart", ""),
    "rich": ("the live line of train", ""),
    "rouge-score": ("ROUGE", "rouge"),
    "matplotlib": ("figures of regard look", "look"),
}


@dataclass(frozen=True)
class Finding:
    """One line: a part of the machine, what was found, and, if that is not enough, what it costs."""

    part: str
    found: str
    cost: str = ""
    needed: bool = False

    @property
    def state(self) -> str:
        """Return "ok" or, where something is lacking, "missing" (nothing works without it) or "note"."""
        return "ok" if not self.cost else "missing" if self.needed else "note"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `regard doctor`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def run(args: argparse.Namespace) -> int:
    """Print the findings; the exit code is 1 if something is missing that regard cannot do without."""
    findings = [*_machine(), *_packages(), *_torch(), _native(), _page()]
    if args.json:
        print(json.dumps({f.part: asdict(f) | {"state": f.state} for f in findings}, indent=2, ensure_ascii=False))
    else:
        for f in findings:
            print(f"{f.state:<8}{f.part:<14} {f.found}" + (f" ({f.cost})" if f.cost else ""))
    return int(any(f.state == "missing" for f in findings))


def _machine() -> Iterator[Finding]:
    yield Finding("regard", __version__)
    yield Finding("python", f"{platform.python_version()} in {sys.prefix}")
    yield Finding("system", platform.platform())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("processor", f"{_processor()}, {cores} of {os.cpu_count()} cores may be used")
    yield Finding("memory", _memory())
    libc, version = platform.libc_ver()
    slower = "training is slower where freed memory cannot be kept, as it can with glibc"
    yield Finding("allocator", f"{libc} {version}".strip() or "unknown", "" if libc == "glibc" else slower)
    free = shutil.disk_usage(".").free / GIB
    yield Finding("disk", f"{free:.1f} GiB free in {Path.cwd()}", "" if free >= 1 else "a run needs some hundred MiB")


def _processor() -> str:
    try:
        model = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        model = None
    return model[1] if model else platform.processor() or platform.machine()


def _memory() -> str:
    try:
        page = os.sysconf("SC_PAGE_SIZE") / GIB
        return f"{os.sysconf('SC_PHYS_PAGES') * page:.1f} GiB, {os.sysconf('SC_AVPHYS_PAGES') * page:.1f} GiB free"
    except (AttributeError, ValueError, OSError):
        return "unknown"


def _packages() -> Iterator[Finding]:
    for name, (purpose, extra) in PACKAGES.items():
        try:
            yield Finding(name, f"{importlib.metadata.version(name)}, for {purpose}")
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "not installed", f"no {purpose}; pip install {name}", needed=not extra)


def _native() -> Finding:
    found = native()
    if found.table is None:
        return Finding("native", "no kernels", f"training and translating are slower: {found.reason}")
    state = f"kernels for {found.instructions}, decoding with {decoding_set()}"
    return Finding("native", state + (f", {found.reason}" if found.reason else ""))


def _page() -> Finding:
    try:
        size = len(built_page())
    except MissingExtraError as error:
        return Finding("page", "not built", f"no regard look -o page.html; {error.hint}")
    return Finding("page", f"{size / 1000:.0f} kB, for regard look -o page.html")


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a shared library of torch cannot be loaded
        yield Finding("torch runs", "no", f"{error}", needed=True)
        return
    found = f"{torch.get_num_threads()} threads, instructions up to {torch.backends.cpu.get_cpu_capability()}"
    yield Finding("torch runs", found)
    if torch.cuda.is_available():
        gpu = torch.cuda.get_device_properties(0)
        yield Finding("gpu", f"{gpu.name}, {gpu.total_memory / GIB:.1f} GiB")
    else:
        yield Finding("gpu", "none", "models train on the processor")
