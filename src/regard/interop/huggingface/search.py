"""How to search, in their settings."""

from dataclasses import replace

from regard.decoding.types import BeamConfig, DecodingConfig, PowerNormalisation, SamplingConfig
from regard.text.vocabulary import BOS, EOS, PAD, UNK


def generation_config(decoding: DecodingConfig) -> tuple[dict[str, object], list[str]]:
    """Return how transformers is to search, and what of our search it does otherwise."""
    values: dict[str, object] = {
        "pad_token_id": PAD,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "decoder_start_token_id": BOS,
        "forced_eos_token_id": None,
        "suppress_tokens": [PAD, BOS, UNK],
        "max_length": decoding.max_length + 2,  # theirs counts BOS and EOS
        "num_beams": 1,
        "do_sample": False,
    }
    notes = []
    if decoding.min_length:
        values["min_new_tokens"] = decoding.min_length
    if decoding.no_repeat:
        values["no_repeat_ngram_size"] = decoding.no_repeat
    if isinstance(decoding, BeamConfig):
        length = searched(decoding).length
        values |= {"num_beams": decoding.beams, "length_penalty": getattr(length, "alpha", 0.0)}
        if decoding.length.kind == "gnmt":
            notes.append("length normalisation gnmt has no counterpart: power with exponent 1 stands in for it")
    if isinstance(decoding, SamplingConfig):
        values |= {"do_sample": True, "temperature": decoding.temperature, "top_k": decoding.top_k}
        values["top_p"] = decoding.top_p
    return values, notes


def searched(decoding: BeamConfig) -> BeamConfig:
    """Return the beam search of ours that theirs is most like."""
    return replace(decoding, length=PowerNormalisation()) if decoding.length.kind == "gnmt" else decoding
