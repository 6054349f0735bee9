"""What a process of a speed benchmark may use, and what it used."""

from pathlib import Path

LIMITS = {
    "avx512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16", "REGARD_NATIVE": "avx512", "CT2_FORCE_CPU_ISA": "AVX512"},
    "avx2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "REGARD_NATIVE": "avx2",
        "CT2_FORCE_CPU_ISA": "AVX2",
    },
}
"""Each library's own switch to do without the instructions that came later."""


def most_resident() -> float:
    """Return the most memory that this process had at once, in MiB; nan where the system does not tell."""
    status = Path("/proc/self/status")
    rows = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(row.split()[1]) / 1024 for row in rows if row.startswith("VmHWM")), float("nan"))
