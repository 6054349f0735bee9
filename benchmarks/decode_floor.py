"""How near decoding comes to what the machine can do: the native engine in int8 beside its floors, in the same run.

In batches the floor is arithmetic: multiplications of weights that outputs need, over the rate of large products of
bytes in torch, by the fastest library that it has. One sentence at a time, by greedy search and on one core, it is
memory: the weights that every step reads, over the rate at which one core reads that many bytes again and again. Rows
of a beam are counted up to the end of what was found; a search that goes on for longer has done more than is counted.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch

from bench import data_folder, show
from decode_speed import BEAMS
from multi30k import lines
from regard.decoding.types import BeamConfig, DecodingConfig, GreedyConfig, PowerNormalisation
from regard.inference.engine import Engine, Tokens
from regard.inference.translator import Translator
from regard.models.configs import TransformerConfig


def fastest(body: Callable[[], Any], rounds: int = 5) -> float:
    """Return the seconds of the fastest of some runs, after one that does not count."""
    times = []
    body()
    for _ in range(rounds):
        begin = time.perf_counter()
        body()
        times.append(time.perf_counter() - begin)
    return min(times)


def products_of_bytes(threads: int, size: int = 2048) -> float:
    """Return multiplications a second of large products of bytes, by the fastest of the libraries that torch has."""
    torch.set_num_threads(threads)
    left, right = (torch.randint(-127, 128, (size, size), dtype=torch.int8) for _ in range(2))
    ways: list[Callable[[], Any]] = [partial(torch._int_mm, left, right)]
    warnings.simplefilter("ignore", UserWarning)  # of what torch will do without one day
    inputs = torch._make_per_tensor_quantized_tensor((left.int() + 128).to(torch.uint8), 1.0, 128)
    weights = torch._make_per_tensor_quantized_tensor(right, 1.0, 0)
    for library in {"onednn", "fbgemm"} & set(torch.backends.quantized.supported_engines):
        torch.backends.quantized.engine = library
        packed = torch.ops.quantized.linear_prepack(weights, None)
        ways.append(partial(torch.ops.quantized.linear, inputs, packed, 1.0, 0))
    return size**3 / min(map(fastest, ways))


def bytes_read(count: int) -> float:
    """Return bytes a second that one core reads, over and over the same ones."""
    torch.set_num_threads(1)
    numbers = torch.ones(count // 4)
    return 4 * numbers.numel() / fastest(numbers.sum, 20)


def weights_of(c: TransformerConfig, entries: int) -> tuple[int, int]:
    """Return how many weights a source token meets, and how many a row of a step."""
    gated = c.feed_forward.kind in ("swiglu", "geglu")
    shared = (c.key_value_heads or c.heads) * c.d_head
    attention = 2 * c.d_model**2 + 2 * c.d_model * shared
    widening = (3 if gated else 2) * c.d_model * c.d_ff
    source = c.encoder_layers * (attention + widening) + c.decoder_layers * 2 * c.d_model * shared
    step = c.decoder_layers * (attention + 2 * c.d_model**2 + widening) + c.d_model * entries
    return source, step


def translate_all(engine: Engine, sources: Sequence[Tokens], search: DecodingConfig) -> None:
    """Translate, and throw away what comes out."""
    for _ in engine.translate(sources, search):
        pass


def measure(run: str, sources: Sequence[str], threads: int) -> list[dict[str, Any]]:
    """Return a row for each search in batches, and one for sentences one by one."""
    made = []
    for name, beams in BEAMS.items():
        translator = Translator.load(run, engine="native", precision="int8", threads=threads)
        split, config = translator.folder.sides.source.tokenizer.split, translator.folder.settings.model
        assert isinstance(config, TransformerConfig)
        source, step = weights_of(config, translator.folder.sizes[1])
        tokens = [split(text) for text in sources]
        search: DecodingConfig = GreedyConfig() if beams == 1 else BeamConfig(beams=beams, length=PowerNormalisation())
        found = [hypotheses[0].tokens for hypotheses in translator.engine.translate(tokens, search)]
        work = sum(
            source * (len(read) + 1) + step * (1 + beams * len(written))
            for read, written in zip(tokens, found, strict=True)
        )
        seconds = fastest(partial(translate_all, translator.engine, tokens, search), 3)
        peak = products_of_bytes(threads)
        row = {"model": Path(run).name, "what": f"{name}, batch", "did": work / seconds / 1e9, "unit": "GMAC/s"}
        made.append({**row, "floor": peak / 1e9, "share %": 100 * work / seconds / peak})
        if beams > 1:
            continue
        alone = Translator.load(run, engine="native", precision="int8", threads=1).engine
        each = []
        for read, written in list(zip(tokens, found, strict=True))[:100]:
            begin = time.perf_counter()
            next(alone.translate([read], search))
            each.append((time.perf_counter() - begin) / (len(written) + 1))
        rate = step / median(each)
        made.append(
            {**row, "what": "greedy, one by one", "did": rate / 1e9, "unit": "GB/s", "floor": bytes_read(step) / 1e9}
        )
        made[-1]["share %"] = 100 * made[-1]["did"] / made[-1]["floor"]
    return made


def main() -> None:
    """Print a row for each model and way to search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", nargs="+", required=True, metavar="RUN", help="trained runs, English to German")
    parser.add_argument("--data", help="folder with the data sets; default: $REGARD_DATA, else ../shared/data")
    parser.add_argument("--threads", type=int, default=2, help="in batches; default: 2")
    args = parser.parse_args()
    sources = lines(data_folder(args.data, "multi30k") / "test_2016_flickr.en.gz")
    show([row for run in args.model for row in measure(run, sources, args.threads)])


if __name__ == "__main__":
    main()
