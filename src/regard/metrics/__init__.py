"""Scores of outputs against references; no torch."""

from regard.registry import Registry

METRICS = Registry(
    "metric",
    {
        "bleu": "regard.metrics.sacrebleu:Bleu",
        "chrf": "regard.metrics.sacrebleu:Chrf",
        "ter": "regard.metrics.sacrebleu:Ter",
        "rouge1": "regard.metrics.rouge:Rouge1",
        "rouge2": "regard.metrics.rouge:Rouge2",
        "rougeL": "regard.metrics.rouge:RougeL",
        "exact_match": "regard.metrics.accuracy:ExactMatch",
        "token_accuracy": "regard.metrics.accuracy:TokenAccuracy",
        "wer": "regard.metrics.accuracy:WordErrorRate",
        "per": "regard.metrics.accuracy:PhoneErrorRate",
    },
)

USUAL_METRICS = ("bleu", "chrf")
"""Of a model when nothing says what it is for."""
