"""A run folder as a training leaves it, without any training."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from safetensors.numpy import save_file

from regard.inspection.maps import AttentionMap

STEPS, EVERY = 6_000, 300
PAIRS, VALID = 29_000, 1_014
EMPTY, REFUSED = [3, 17, 20_001], [412, 8_123]

SAMPLES = (
    ("A man in a blue shirt is standing on a ladder.", "Ein Mann in einem blauen Hemd steht auf einer Leiter."),
    ("Two dogs run through the snow.", "Zwei Hunde rennen durch den Schnee."),
    ("A girl is playing the violin.", "Ein Mädchen spielt Geige."),
)

BLEU = "BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.5.1"
CHRF = "chrF2|nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.5.1"


def write_fake_run(path: Path, *, source: str = "", validations: int = STEPS // EVERY) -> Path:
    """Write a run folder of so many validations; `source` takes the place of every text that a user gives."""
    path.mkdir(parents=True)
    pairs = [(source or a, source or b) for a, b in SAMPLES]
    steps = validations * EVERY
    (path / "config.toml").write_text(tomli_w.dumps(_config()), encoding="utf-8")
    _write(path / "status.json", {"state": "finished", "step": steps, "steps": STEPS})
    _write(path / "env.json", {"regard": "0.1.0", "torch": "2.9.0", "python": "3.11.2"})
    _write(path / "choices.json", {"dtype": "float32", "threads": 2, "device": "cpu", "reason": source or "as set"})
    _write(path / "data_report.json", _data_report())
    _write_lines(path / "valid.jsonl", ({"source": "x", "target": "y", "line": i + 1} for i in range(VALID)))
    _write_lines(path / "metrics.jsonl", _journal(validations, source))
    _write_lines(path / "samples.jsonl", _samples(validations, pairs))
    if validations:
        _write_model(path / "best")
        (path / "last" / "resume").mkdir(parents=True)
        _write(path / "last" / "resume" / "state.json", {"progress": {"seconds": 600.0}})
    return path


def evaluation(text: str = "") -> dict[str, Any]:
    """Return what an evaluation of the held-out pairs gives as plain values."""
    scores = {"bleu": 12.5, "chrf": 31.0}
    sentence = {
        "line": 17,
        "source": text or SAMPLES[0][0],
        "references": [text or SAMPLES[0][1], "other"],
        "output": text or "Ein Hund ist auf einem Dach.",
        "status": "ok",
        "length": 11,
        "scores": scores,
    }
    buckets = [
        {
            "shortest": low,
            "longest": high,
            "sentences": size,
            "metrics": {
                "bleu": {"value": bleu, "interval": [bleu - reach, bleu + reach]},
                "chrf": {"value": bleu + 20, "interval": [bleu + 20 - reach, bleu + 20 + reach]},
            },
        }
        for low, high, size, bleu, reach in (
            (3, 5, 41, 30.2, 7.1),
            (6, 10, 352, 41.9, 2.4),
            (11, 15, 404, 40.3, 2.0),
            (16, 20, 160, 38.8, 3.1),
            (21, 34, 57, 35.0, 4.9),
        )
    ]
    return {
        "model": "best",
        "metrics": {"bleu": _metric("bleu", 39.74, [38.1, 41.42]), "chrf": _metric("chrf", 62.31, [61.2, 63.38])},
        "loss": 1.432,
        "perplexity": 4.187,
        "pairs": VALID,
        "sentences": VALID,
        "tokens": 15_301,
        "buckets": buckets,
        "worst": [sentence, sentence | {"line": 0}],
        "decoding": {"kind": "beam", "beams": 5},
    }


def attention_map(text: str = "") -> AttentionMap:
    """Return a map with a diagonal."""
    columns = ("▁A", "▁man", "▁in", "▁a", "▁blue", "▁shirt", "▁is", "▁stand", "ing", "▁on", "▁a", "▁lad", "der", "</s>")
    rows = ("▁Ein", "▁Mann", "▁in", "▁einem", "▁blauen", "▁Hemd", "▁steht", "▁auf", "▁einer", "▁Leiter", "</s>")
    places = np.linspace(0, len(columns) - 1, len(rows)).round()
    scores = 3 * np.exp(-0.5 * (np.arange(len(columns)) - places[:, None]) ** 2)
    weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    title = text or "Encoder-decoder attention, layer 3 of 4, mean of 4 heads; the sharpest layer, 0.81 nats"
    return AttentionMap(title, (text or rows[0], *rows[1:]), columns, weights)


def _config() -> dict[str, Any]:
    return {
        "task": {
            "kind": "files",
            "train": "/data/train.en.gz",
            "train_target": "/data/train.de.gz",
            "valid": "",
            "valid_target": "",
            "metrics": ["bleu", "chrf"],
            "pooled": False,
        },
        "text": {"longest_source": 256, "longest_target": 256, "over_long": "refuse"},
        "model": {"kind": "transformer", "encoder_layers": 4, "decoder_layers": 4, "d_model": 128},
        "training": {"seed": 1, "steps": STEPS, "validate_pairs": 1000, "best_by": "loss"},
    }


def _data_report() -> dict[str, Any]:
    used = {"train": (PAIRS - len(REFUSED), REFUSED), "valid": (VALID, [])}
    return {
        "read": PAIRS + VALID + len(EMPTY),
        "dropped": {"empty target": EMPTY},
        "train": PAIRS,
        "valid": VALID,
        "lines": ["3 left out, empty target: lines 3, 17, 20001"],
        "fingerprint": "3f1d" * 16,
        "over_long": {name: {"refused": lines, "cut": [], "used": count} for name, (count, lines) in used.items()},
    }


def _journal(validations: int, text: str) -> Iterable[dict[str, Any]]:
    steps = validations * EVERY
    for step in range(20, steps + 1, 20):
        yield {
            "event": "step",
            "step": step,
            "epoch": step // 250,
            "loss": _loss(step),
            "rate": 5e-3 * (1 - step / STEPS),
            "gradient_norm": 1.5 + math.sin(step / 40) / 3,
            "tokens": 40_000,
            "padding": 0.04,
            "tokens_per_second": 21_000 + 900 * math.sin(step / 170),
            "memory": 1 << 30,
        }
        if step == 600:
            yield {
                "event": "warning",
                "step": step,
                "text": text or "120 of 1000 outputs are empty; look for empty targets",
            }
        if step % EVERY == 0:
            yield _validation(step, "validation", best=step <= 5100)
    if validations:
        yield _validation(steps, "averaged", best=True)


def _loss(step: int) -> float:
    return 1.0 + 5.5 * math.exp(-step / 800)


def _validation(step: int, event: str, *, best: bool) -> dict[str, Any]:
    measured = event == "validation"
    loss = 1.42 + 4.8 * math.exp(-step / 800) + max(0, step - 5000) * 4e-5
    metrics = {"bleu": 39.0 * (1 - math.exp(-step / 1500)), "chrf": 62.0 * (1 - math.exp(-step / 900))}
    return {
        "event": event, "step": step, "epoch": step // 250 if measured else 0, "best": best,
        "train_loss": _loss(step) if measured else 0.0, "loss": loss, "perplexity": math.exp(loss),
        "metrics": {name: _metric(name, value) for name, value in metrics.items()},
        "samples": [], "seconds": 3.0, "tokens_per_second": 21_000.0 if measured else 0.0, "name": event,
    }  # fmt: skip


def _metric(name: str, value: float, interval: list[float] | None = None) -> dict[str, Any]:
    signature = {"bleu": BLEU, "chrf": CHRF}[name]
    return {
        "name": name,
        "value": value,
        "unit": "",
        "higher_is_better": True,
        "signature": signature,
        "interval": interval,
        "details": {},
    }


def _samples(validations: int, pairs: list[tuple[str, str]]) -> Iterable[dict[str, Any]]:
    before = [""] * len(pairs)
    for i in range(validations):
        now = [_improved(reference, (i + 1) / validations) for _, reference in pairs]
        samples = [
            {"source": source, "reference": reference, "now": text, "before": old}
            for (source, reference), text, old in zip(pairs, now, before, strict=True)
        ]
        yield {"step": (i + 1) * EVERY, "samples": samples}
        before = now


def _improved(reference: str, progress: float) -> str:
    """Return a reference of which so much is right, from its start."""
    words = reference.split()
    right = round(len(words) * min(1.0, 1.2 * progress))
    return " ".join(words[:right] + ["Hund"] * (len(words) - right))


def _write_model(folder: Path) -> None:
    folder.mkdir()
    tensors = {
        "embeddings.table": np.zeros((10_000, 128), np.float32),
        "encoder.weight": np.zeros((512, 2_570), np.float32),
    }
    save_file(tensors, folder / "model.safetensors")


def _write(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")


def _write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
