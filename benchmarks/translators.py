"""Systems that translate with one and the same trained model: what `decode_speed.py` compares.

Each is a small class. It is made of the folders that were prepared for it, computes as a setting says, reads tokens and
writes tokens. All search by the same score, log-probability by length with the end token; `rule` says when a beam
search of theirs is over.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from regard.model_folder import ModelFolder

Tokens = Sequence[str]

OURS = "ended hypotheses keep their places; over when none that lives can win"


class System(ABC):
    """Loads a model and translates. `prepared` holds what was exported, `threads` is for all it does."""

    rule: ClassVar[str]
    settings: ClassVar[tuple[str, ...]]
    single_settings: ClassVar[tuple[str, ...]] = ()  # where sentences come one by one; none: the same
    target: ClassVar[str] = ""  # of `regard export`, if it takes another format

    @abstractmethod
    def __init__(self, run: Path, prepared: Path, setting: str, threads: int) -> None: ...

    @abstractmethod
    def translate(self, sources: Sequence[Tokens], beams: int) -> list[Tokens]:
        """Return the best output of each source; 1 beam is greedy search."""

    @abstractmethod
    def instructions(self) -> str:
        """Return the instruction set that is really used, as far as the system tells."""


class Regard(System):
    """An engine of regard; a setting is a precision."""

    rule = OURS
    engine: ClassVar[str]
    shortlist: ClassVar[bool] = False

    def __init__(self, run: Path, prepared: Path, setting: str, threads: int) -> None:
        from regard.inference.translator import Translator

        self.loaded = Translator.load(
            run, engine=self.engine, precision=setting, threads=threads, shortlist=self.shortlist
        ).engine

    def translate(self, sources: Sequence[Tokens], beams: int) -> list[Tokens]:
        from regard.decoding.types import BeamConfig, GreedyConfig, PowerNormalisation

        config = GreedyConfig() if beams == 1 else BeamConfig(beams=beams, length=PowerNormalisation())
        return [found[0].tokens for found in self.loaded.translate(sources, config)]

    def instructions(self) -> str:
        from regard.native.library import native

        return native().instructions


class Torch(Regard):
    """Eager PyTorch with a cache, and native kernels where they are there."""

    engine = "torch"
    settings = ("float32", "bfloat16")

    def instructions(self) -> str:
        import torch

        return f"torch {torch.backends.cpu.get_cpu_capability()}, kernels {super().instructions()}"


class Native(Regard):
    """The native decoder."""

    engine = "native"
    settings = ("int8", "bfloat16", "float32")

    def instructions(self) -> str:
        from regard.native.decoder import decoding_set

        return decoding_set()


class NativeShortlist(Native):
    """The same, thinking of listed tokens alone; `regard shortlist` has made the list."""

    settings = ("int8",)
    shortlist = True


class Onnx(Regard):
    """Graphs in ONNX Runtime, the search in torch."""

    engine = "onnx"
    settings = ("float32",)

    def instructions(self) -> str:
        return "does not tell"


class CTranslate2(System):
    """The library itself; a setting is type, workers x threads of each (n: all), batch size, packed weights or not."""

    target = "ctranslate2"
    rule = "ended hypotheses make room; over when as many have ended as there are beams"
    settings = tuple(
        f"{kind} {workers} {batch}{packed}"
        for kind, packed in (("int8", ""), ("int8", " packed"), ("float32", ""))
        for workers in ("nx1", "1xn")
        for batch in (16, 32, 64)
    )
    single_settings = tuple(setting for setting in settings if setting.split()[2] == "16")

    def __init__(self, run: Path, prepared: Path, setting: str, threads: int) -> None:
        kind, workers, batch, *packed = setting.split()
        inter, intra = (threads if number == "n" else 1 for number in workers.split("x"))
        os.environ["CT2_USE_EXPERIMENTAL_PACKED_GEMM"] = "1" if packed else "0"
        os.environ["CT2_VERBOSE"] = "1"  # it tells on stderr what it uses
        import ctranslate2

        ctranslate2.set_log_level(20)
        self.loaded = ctranslate2.Translator(
            str(prepared / self.target), compute_type=kind, inter_threads=inter, intra_threads=intra
        )
        self.batch = int(batch)

    def translate(self, sources: Sequence[Tokens], beams: int) -> list[Tokens]:
        found = self.loaded.translate_batch(
            [[*source, "</s>"] for source in sources],
            beam_size=beams,
            length_penalty=1.0,
            max_batch_size=self.batch,
            max_decoding_length=_limit(sources),
        )
        return [result.hypotheses[0] for result in found]

    def instructions(self) -> str:
        return "see stderr"


class HuggingFace(System):
    """The model as transformers loads it, and its `generate`; a setting is a type and a batch size."""

    target = "huggingface"
    rule = "generate with early_stopping=False: over when none that lives is likely to win"
    settings = ("float32 32", "bfloat16 32")

    def __init__(self, run: Path, prepared: Path, setting: str, threads: int) -> None:
        import torch
        from transformers import AutoModelForSeq2SeqLM

        torch.set_num_threads(threads)
        kind, batch = setting.split()
        folder = prepared / self.target
        self.loaded: Any = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=getattr(torch, kind)).eval()
        self.sides, self.batch = ModelFolder.open(run).sides, int(batch)

    def translate(self, sources: Sequence[Tokens], beams: int) -> list[Tokens]:
        import torch

        from regard.data.batch import PaddedTokens
        from regard.text.vocabulary import EOS, SPECIAL

        outputs: dict[int, list[str]] = {}
        order = sorted(range(len(sources)), key=lambda i: -len(sources[i]))
        for rows in (order[i : i + self.batch] for i in range(0, len(order), self.batch)):
            padded = PaddedTokens.sources([self.sides.source.vocabulary.ids(sources[i]) for i in rows])
            with torch.inference_mode():
                written = self.loaded.generate(
                    input_ids=padded.ids,
                    attention_mask=padded.mask[:, 0, 0].long(),
                    num_beams=beams,
                    do_sample=False,
                    length_penalty=1.0,
                    early_stopping=False,
                    max_new_tokens=_limit(sources),
                )
            for i, ids in zip(rows, written.tolist(), strict=True):
                kept = ids[1 : ids.index(EOS, 1) if EOS in ids[1:] else None]
                outputs[i] = self.sides.target.vocabulary.tokens(j for j in kept if j >= len(SPECIAL))
        return [outputs[i] for i in range(len(sources))]

    def instructions(self) -> str:
        import torch

        return f"torch {torch.backends.cpu.get_cpu_capability()}"


def _limit(sources: Sequence[Tokens]) -> int:
    """Return the most tokens of an output, as regard has it for the longest source."""
    return 2 * max(map(len, sources)) + 10


SYSTEMS: dict[str, type[System]] = {
    "native": Native,
    "shortlist": NativeShortlist,
    "torch": Torch,
    "onnx": Onnx,
    "ctranslate2": CTranslate2,
    "huggingface": HuggingFace,
}
