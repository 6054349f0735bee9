"""How to train; imports no torch."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from regard.config import at_least, seed, shares, variant
from regard.errors import ConfigError
from regard.training import OBJECTIVES, OPTIMIZERS, SCHEDULES


def above_zero(config: "OptimizerConfig", *names: str) -> None:
    """Refuse what would stop or reverse the learning.

    Raises ConfigError naming the field.
    """
    for name in names:
        if not 0 < getattr(config, name) < math.inf:
            raise ConfigError(f"{getattr(config, name)} is not above 0", where=name, hint="such as 1e-3")


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizerConfig:
    """What every optimizer's config has."""

    kind: ClassVar[str]
    part: ClassVar[str]

    rate: float = 1e-3  # peak learning rate
    beta1: float = 0.9
    beta2: float = 0.98
    epsilon: float = 1e-9

    def __post_init__(self) -> None:
        """Refuse rates that cannot learn."""
        above_zero(self, "rate", "epsilon")
        shares(self, "beta1", "beta2")


@dataclass(frozen=True, kw_only=True, slots=True)
class AdamConfig(OptimizerConfig):
    """Adam with the constants of Vaswani et al. 2017, section 5.3."""

    kind: ClassVar[str] = "adam"
    part: ClassVar[str] = "regard.training.optimizers:Adam"


@dataclass(frozen=True, kw_only=True, slots=True)
class AdamWConfig(OptimizerConfig):
    """Adam with decay of the matrices apart from the gradient (Loshchilov & Hutter 2019)."""

    kind: ClassVar[str] = "adamw"
    part: ClassVar[str] = "regard.training.optimizers:AdamW"

    decay: float = 0.01  # share of the weight taken away per step, times the learning rate

    def __post_init__(self) -> None:
        """Refuse weights that grow by themselves."""
        OptimizerConfig.__post_init__(self)
        at_least(self, 0, "decay")


@dataclass(frozen=True, kw_only=True, slots=True)
class MuonConfig(OptimizerConfig):
    """Orthogonal updates for the hidden matrices (Jordan et al. 2024), Adam for all else."""

    kind: ClassVar[str] = "muon"
    part: ClassVar[str] = "regard.training.optimizers:Muon"

    matrix_rate: float = 0.02  # peak learning rate of the hidden matrices
    momentum: float = 0.95
    decay: float = 0.0  # of the hidden matrices, per step, times matrix_rate
    rounds: int = 5  # of the iteration that makes an update orthogonal; they cost a good part of a step on small models

    def __post_init__(self) -> None:
        """Refuse an update without a direction."""
        OptimizerConfig.__post_init__(self)
        at_least(self, 1, "rounds")
        above_zero(self, "matrix_rate")
        shares(self, "momentum", "decay")


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectiveConfig:
    """What every objective's config has; `training.label_smoothing` is for all of them."""

    kind: ClassVar[str]
    part: ClassVar[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class CrossEntropyConfig(ObjectiveConfig):
    """Each token by itself (Vaswani et al. 2017)."""

    kind: ClassVar[str] = "cross-entropy"
    part: ClassVar[str] = "regard.training.objectives:CrossEntropy"


@dataclass(frozen=True, kw_only=True, slots=True)
class RDropConfig(ObjectiveConfig):
    """Every pair twice, under two dropout masks that should agree (Liang et al. 2021): steps cost twice as much."""

    kind: ClassVar[str] = "r-drop"
    part: ClassVar[str] = "regard.training.objectives:RDrop"

    weight: float = 5.0  # of the divergence of both predictions, beside the mean of their cross-entropies

    def __post_init__(self) -> None:
        """Refuse to reward disagreement."""
        at_least(self, 0, "weight")


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleConfig:
    """What every schedule has: a factor on the learning rate, which first grows in a line for `warmup` steps."""

    kind: ClassVar[str]
    part: ClassVar[str]

    warmup: int = 400  # steps

    def __post_init__(self) -> None:
        """Refuse a negative warm-up."""
        at_least(self, 0, "warmup")


@dataclass(frozen=True, kw_only=True, slots=True)
class InverseSqrtConfig(ScheduleConfig):
    """Then falls with the square root of the step (Vaswani et al. 2017, equation 3)."""

    kind: ClassVar[str] = "inverse-sqrt"
    part: ClassVar[str] = "regard.training.schedules:inverse_sqrt"

    warmup: int = 4000


@dataclass(frozen=True, kw_only=True, slots=True)
class LinearConfig(ScheduleConfig):
    """Then falls in a line to zero at the last step."""

    kind: ClassVar[str] = "linear"
    part: ClassVar[str] = "regard.training.schedules:linear"


@dataclass(frozen=True, kw_only=True, slots=True)
class CosineConfig(ScheduleConfig):
    """Then falls along half a cosine to zero at the last step."""

    kind: ClassVar[str] = "cosine"
    part: ClassVar[str] = "regard.training.schedules:cosine"


@dataclass(frozen=True, kw_only=True, slots=True)
class ConstantConfig(ScheduleConfig):
    """Then stays."""

    kind: ClassVar[str] = "constant"
    part: ClassVar[str] = "regard.training.schedules:constant"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig:
    """The course of a training."""

    seed: int = 1
    steps: int = 100_000  # updates of the weights
    budget: float = 0.0  # seconds from the start to the last model: as many steps as fit; 0 = as many as `steps` says
    batch_tokens: int = 4096  # real tokens per batch on its larger side, end tokens included
    accumulate: int = 1  # batches per step
    objective: ObjectiveConfig = variant(OBJECTIVES, CrossEntropyConfig())
    label_smoothing: float = 0.1
    clip: float = 1.0  # largest norm of the gradient; 0 = any
    optimizer: OptimizerConfig = variant(OPTIMIZERS, AdamConfig())
    schedule: ScheduleConfig = variant(SCHEDULES, InverseSqrtConfig())
    average: int = 0  # mean of the weights at the last so many validations; 0 = off
    ema: float = 0.0  # decay per step of a running mean of the weights, which is what is validated; 0 = off
    validate_every: int = 1000  # steps
    validate_pairs: int = 1000  # held-out pairs whose decoded text is scored; the loss is of all of them
    probes: int = 2  # held-out pairs whose attention is kept at each validation; 0 = none
    save_every: int = 1000  # steps
    patience: int = 0  # validations without a better score before training stops; 0 = never
    best_by: str = "loss"  # "loss", or the metric whose best validation is kept
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: int = 0  # 0 = as many as the machine gives

    def __post_init__(self) -> None:
        """Refuse impossible numbers."""
        at_least(self, 1, "steps", "batch_tokens", "accumulate", "validate_every", "save_every", "validate_pairs")
        at_least(self, 0, "clip", "average", "patience", "threads", "budget", "probes")
        seed(self)
        shares(self, "label_smoothing", "ema")
        if self.average and self.ema:
            raise ConfigError("average and ema exclude each other", where="average", hint="set one of them to 0")
