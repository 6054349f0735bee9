"""How fast a model would train here, from a second or two of it on made-up batches."""

import time

import torch

from regard.data.batch import Batch
from regard.layers import kernels
from regard.layers.noise import Noise
from regard.models.base import Seq2SeqModel
from regard.training.configs import TrainingConfig
from regard.training.objectives import build_objective
from regard.training.optimizers import build_optimizer, clipping
from regard.training.precision import choose, keep_memory
from regard.training.weights import Weights

_PROBED = 1.2
"""Seconds of steps that count, after two that do not."""


def tokens_per_second(
    model: Seq2SeqModel, training: TrainingConfig, entries: tuple[int, int], lengths: tuple[float, float]
) -> float:
    """Return target tokens per second of whole steps, for vocabularies and mean texts of such sizes.

    The model is used up: its weights become those of the precision that pays here.
    """
    keep_memory()
    precision = choose(training)
    torch.set_num_threads(precision.threads)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        source, target = (max(1, round(length)) for length in lengths)
        sentences = max(1, round(training.batch_tokens / (max(source, target) + 1)))
        ids = [
            torch.randint(4, size, (sentences, n)).tolist() for size, n in zip(entries, (source, target), strict=True)
        ]
    batch, noise = Batch.of(*ids), Noise(training.seed)
    weights = Weights(model.train(), precision.torch_dtype)
    objective, optimizer = build_objective(training), build_optimizer(training.optimizer, weights)
    times: list[float] = []
    while sum(times[2:]) < _PROBED:
        started, step = time.perf_counter(), len(times) + 1
        weights.grad.zero_()
        with noise.at(step, 0):
            (objective(model, batch).minimised / batch.tokens).backward()
        optimizer.step(weights.grad, step, 0.0, clipping(kernels.norm(weights.grad), training.clip))
        times.append(time.perf_counter() - started)
    return batch.tokens * len(times[2:]) / sum(times[2:])
