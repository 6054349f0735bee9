"""Our models of the 2017 layout as MarianMTModel, and their tokenizers as MarianTokenizer."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard.files import write_bytes, write_json
from regard.interop.huggingface.architecture import Target
from regard.interop.huggingface.bart_family import their_name
from regard.model_folder import ModelFolder
from regard.models.configs import TransformerConfig
from regard.text.foreign import Foreign
from regard.text.sentencepiece import SentencePiece
from regard.text.vocabulary import BOS, EOS, PAD, SPECIAL

if TYPE_CHECKING:
    from torch import Tensor

NAME = "MarianMTModel"

TAKES = {
    "positions": ("sinusoidal",),
    "residual": ("post-norm",),
    "norm": ("layer",),
    "feed_forward": ("relu", "gelu", "silu"),
    "ngrams": ("none",),
    "copying": ("none",),
}
"""The kinds of each part that it has."""

EPSILON = 1e-5
"""Of its norms."""

SPACE_IN_FRONT = b"\x1a\x02\x18\x01"
"""Appended to a sentencepiece model, it sets normalizer_spec.add_dummy_prefix: what our tokenizer does by itself."""


def lacking(folder: ModelFolder, model: TransformerConfig) -> list[str]:
    """Return all that Marian lacks of a model, by name."""
    found = [
        f"model.{part} = {getattr(model, part).kind}"
        for part, kinds in TAKES.items()
        if getattr(model, part).kind not in kinds
    ]
    if model.norm.epsilon != EPSILON:
        found.append(f"model.norm.epsilon = {model.norm.epsilon}")
    if model.embedding_norm:
        found.append("model.embedding_norm = true")
    for name in ("source", "target"):
        side = getattr(folder.sides, name)
        if not isinstance(side.tokenizer, SentencePiece | Foreign):
            found.append(f"text.{name} = {side.tokenizer.config.kind}")
        if clash := set(SPECIAL) & set(side.vocabulary.entries[len(SPECIAL) :]):
            found.append(f"a token of the {name} that reads {min(clash)!r}")
    return found


def config(folder: ModelFolder, model: TransformerConfig) -> dict[str, Any]:
    """Return their config of a model."""
    sizes = {name: len(getattr(folder.sides, name).vocabulary) for name in ("source", "target")}
    both = {
        "attention_heads": model.heads,
        "ffn_dim": model.d_ff,
        "layerdrop": 0.0,
    }
    return {
        "architectures": [NAME],
        "model_type": "marian",
        "d_model": model.d_model,
        "encoder_layers": model.encoder_layers,
        "decoder_layers": model.decoder_layers,
        **{f"{stack}_{name}": value for stack in ("encoder", "decoder") for name, value in both.items()},
        "activation_function": model.feed_forward.kind,
        "dropout": model.dropout,
        "attention_dropout": model.attention_dropout,
        "activation_dropout": model.inner_dropout,
        "scale_embedding": model.embeddings.scaled,
        "share_encoder_decoder_embeddings": model.embeddings.kind == "three-way",
        "tie_word_embeddings": model.embeddings.kind != "separate",
        "vocab_size": sizes["source"],
        "decoder_vocab_size": sizes["target"],
        "max_position_embeddings": longest(folder),
        "pad_token_id": PAD,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "decoder_start_token_id": BOS,
        "forced_eos_token_id": None,
        "is_encoder_decoder": True,
    }


def longest(folder: ModelFolder) -> int:
    """Return the most tokens of a text on either side, with BOS and EOS."""
    settings = folder.settings
    return max(settings.text.longest_source, settings.text.longest_target, settings.decoding.max_length) + 2


def weights(folder: ModelFolder, model: TransformerConfig) -> "dict[str, Tensor]":
    """Return our weights under their names and in their order of features; biases that we lack are zeros."""
    import torch

    from regard.interop.huggingface.weights import load, reordered, taking_turns

    order = taking_turns(model.d_model).argsort()
    ours = {name: reordered(name, tensor, order) for name, tensor in load(folder.path / "model.safetensors").items()}
    found = {their_name(name): tensor for name, tensor in ours.items() if not name.startswith("embeddings.")}
    if model.key_value_heads is not None:
        found = {name: every_head(name, tensor, model) for name, tensor in found.items()}
    for name, tensor in list(found.items()):
        if name.endswith(("_proj.weight", ".fc1.weight", ".fc2.weight")):
            found.setdefault(f"{name.removesuffix('weight')}bias", torch.zeros(len(tensor)))
    tables = {name.removeprefix("embeddings."): t for name, t in ours.items() if name.startswith("embeddings.")}
    bias = tables.pop("output_bias", None)
    entries = len(folder.sides.target.vocabulary)
    found["final_logits_bias"] = (torch.zeros(entries) if bias is None else bias)[None]
    names = {
        "table": "model.shared.weight",
        "source_table": "model.encoder.embed_tokens.weight",
        "target_table": "model.decoder.embed_tokens.weight",
        "output_table": "lm_head.weight",
    }
    return {name: t.contiguous() for name, t in (found | {names[n]: t for n, t in tables.items()}).items()}


def every_head(name: str, tensor: "Tensor", model: TransformerConfig) -> "Tensor":
    """Return keys and values that groups of heads share once for each head; other tensors as they are."""
    if not name.rpartition(".")[0].endswith((".k_proj", ".v_proj")):
        return tensor
    shared = model.key_value_heads or model.heads
    heads = tensor.unflatten(0, (shared, model.d_head))
    return heads.repeat_interleave(model.heads // shared, dim=0).flatten(0, 1)


def write_tokenizers(new: Path, folder: ModelFolder) -> None:
    """Write both sentencepiece models, and one vocabulary or two."""
    sides, separate = folder.sides, folder.settings.model.embeddings.kind != "three-way"
    for name in ("source", "target"):
        tokenizer: Any = getattr(sides, name).tokenizer
        model = tokenizer.model if isinstance(tokenizer, Foreign) else tokenizer.model + SPACE_IN_FRONT
        write_bytes(new / f"{name}.spm", model)
    write_json(new / "vocab.json", {token: i for i, token in enumerate(sides.source.vocabulary.entries)})
    if separate:
        write_json(new / "target_vocab.json", {token: i for i, token in enumerate(sides.target.vocabulary.entries)})
    tokens = {"pad_token": SPECIAL[PAD], "eos_token": SPECIAL[EOS], "unk_token": SPECIAL[3]}
    settings = {"tokenizer_class": "MarianTokenizer", "separate_vocabs": separate, "model_max_length": longest(folder)}
    write_json(new / "tokenizer_config.json", {**settings, **tokens, "clean_up_tokenization_spaces": False})
    write_json(new / "special_tokens_map.json", tokens)


MARIAN = Target(
    NAME,
    "it is post-norm with sinusoidal positions and relu, gelu or silu, and reads sentencepiece",
    lacking,
    config,
    weights,
    write_tokenizers,
)
