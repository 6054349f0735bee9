"""Folders as transformers writes them: tiny models with random weights, and tokenizers learnt from a few lines."""

import io
import json
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from torch import Tensor

from regard.data.batch import Batch
from regard.model_folder import ModelFolder

SOURCES = ["A small tower is by the river.", "We read the map by daylight.", "The river is low, the tower is not."] * 3
TARGETS = ["Ein kleiner Turm steht am Fluss.", "Wir lesen die Karte bei Tag.", "Der Fluss ist niedrig."] * 3
SIZES = {"d_model": 16, "encoder_layers": 2, "decoder_layers": 2}
HEADS = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24}


def pieces_of(texts: list[str], **ids: int) -> tuple[bytes, list[str]]:
    """Learn a sentencepiece model with the library's own habits; return it and its pieces."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, vocab_size=60, hard_vocab_limit=False, minloglevel=2, **ids
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return model.getvalue(), [processor.id_to_piece(i) for i in range(processor.get_piece_size())]


@torch.no_grad()
def shaken(model: Any) -> Any:
    """Return a model in which every weight counts, those too that start as zeros or ones."""
    torch.manual_seed(7)
    for weight in model.parameters():
        if weight.requires_grad:
            weight.add_(torch.randn_like(weight), alpha=0.3)
    for name, buffer in model.named_buffers():
        if name == "final_logits_bias":
            buffer.add_(torch.randn_like(buffer), alpha=0.3)
    return model.eval()


def save_marian(folder: Path, *, codes: tuple[str, ...] = (), separate: bool = False, **settings: Any) -> Any:
    """Write a Marian model numbered as OPUS-MT is: </s> 0, <unk> 1, <pad> last and first of every output."""
    from transformers import MarianConfig, MarianMTModel

    folder.mkdir(parents=True)
    found = {}
    for side, texts in (("source", SOURCES), ("target", TARGETS)):
        model, found[side] = pieces_of(texts)
        (folder / f"{side}.spm").write_bytes(model)
    listed = [found["source"], found["target"]] if separate else [[*found["source"], *found["target"]]]
    names = ["vocab.json", "target_vocab.json"]
    sizes = []
    for name, pieces in zip(names, listed, strict=False):
        tokens = list(dict.fromkeys(["</s>", "<unk>", *codes, *(p for p in pieces if p != "<s>"), "<pad>"]))
        if separate and sizes:
            tokens = [*tokens[:-1], *(f"▁filler{i}" for i in range(sizes[0] - len(tokens))), "<pad>"]
        sizes.append(len(tokens))
        (folder / name).write_text(json.dumps({token: i for i, token in enumerate(tokens)}), encoding="utf-8")
    pad = sizes[0] - 1
    ids = {"pad_token_id": pad, "eos_token_id": 0, "decoder_start_token_id": pad, "forced_eos_token_id": 0}
    usual = {"scale_embedding": True, "activation_function": "swish", "max_position_embeddings": 40}
    own = {"share_encoder_decoder_embeddings": not separate, "decoder_vocab_size": sizes[-1]}
    config = MarianConfig(vocab_size=sizes[0], **(SIZES | HEADS | ids | usual | own | settings))
    model = shaken(MarianMTModel(config))
    model.save_pretrained(folder)
    return model


def their_logits(
    model: Any, folder: ModelFolder, rows: tuple[tuple[int, ...], tuple[int, ...]], batch: Batch
) -> Tensor:
    """Return what their model says of a batch of ours, its vocabulary in our order; BOS is left to the caller."""
    source, target = (torch.tensor(numbers) for numbers in rows)
    mask = batch.source.mask[:, 0, 0].long()
    found = model(
        input_ids=source[batch.source.ids],
        attention_mask=mask,
        decoder_input_ids=target[batch.target_in.ids],
        decoder_attention_mask=torch.ones_like(batch.target_in.ids),
    ).logits
    return found[:, :, target]


def save_family(folder: Path, kind: str, **settings: Any) -> Any:
    """Write a BART, mBART or M2M100 with one sentencepiece model for both sides, numbered as fairseq numbers."""
    import transformers

    folder.mkdir(parents=True)
    model, pieces = pieces_of([*SOURCES, *TARGETS])
    (folder / "sentencepiece.bpe.model").write_bytes(model)
    codes = ["__de__", "__en__"] if kind == "m2m_100" else ["de_DE", "en_XX"]
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *pieces[3:]]
    if kind == "m2m_100":
        (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}), encoding="utf-8")
    classes = {"bart": "XLMRobertaTokenizerFast", "mbart": "MBart50Tokenizer", "m2m_100": "M2M100Tokenizer"}
    tokenizer = {"tokenizer_class": classes[kind], "src_lang": codes[1].strip("_"), "additional_special_tokens": codes}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    names = {"bart": "Bart", "mbart": "MBart", "m2m_100": "M2M100"}
    config, architecture = (
        getattr(transformers, f"{names[kind]}{end}") for end in ("Config", "ForConditionalGeneration")
    )
    ids = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2}
    size = {"vocab_size": len(tokens) + 2 + 1, "max_position_embeddings": 50}
    made = shaken(architecture(config(**(SIZES | HEADS | ids | size | settings))))
    made.save_pretrained(folder)
    return made


def save_t5(folder: Path, *, own_head: bool = False, **settings: Any) -> Any:
    """Write a T5 with one sentencepiece model for both sides, and more embeddings than tokens."""
    from transformers import T5Config, T5ForConditionalGeneration

    folder.mkdir(parents=True)
    model, pieces = pieces_of([*SOURCES, *TARGETS], pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    (folder / "spiece.model").write_bytes(model)
    size = {"vocab_size": len(pieces) + 5, "d_model": 16, "d_kv": 8, "num_heads": 2, "d_ff": 24, "num_layers": 2}
    near = {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 12}
    made = shaken(T5ForConditionalGeneration(T5Config(**(size | near | {"decoder_start_token_id": 0} | settings))))
    if own_head:
        made.lm_head.weight = torch.nn.Parameter(torch.randn_like(made.lm_head.weight))
    made.save_pretrained(folder)
    if "tie_word_embeddings" in settings:  # which the library does not write down
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | settings), encoding="utf-8")
    return made
