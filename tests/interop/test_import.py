"""Models of Hugging Face's read: the same tokens, the same logits."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from regard.cli.main import main
from regard.data.batch import Batch
from regard.errors import CheckpointError, RegardError, UnsupportedError
from regard.inference.translator import Translator
from regard.interop.huggingface.files import HubFolder
from regard.interop.huggingface.import_model import import_model
from regard.interop.huggingface.vocabularies import read_sides
from regard.model_folder import ModelFolder
from regard.text.vocabulary import BOS, UNK
from tests.interop.hub_models import SOURCES, TARGETS, save_family, save_marian, save_t5, their_logits

pytestmark = pytest.mark.extra


def imported(hub: Path) -> ModelFolder:
    import_model(hub, hub.parent / "imported")
    return ModelFolder.open(hub.parent / "imported")


@torch.no_grad()
def check_logits(theirs: Any, hub: Path, folder: ModelFolder) -> None:
    """Compare every logit but that of BOS, which is theirs of another token or none at all."""
    rows, sides = read_sides(HubFolder.open(hub))[1], folder.sides
    batch = Batch.of(sides.source.all_ids(SOURCES[:3]), sides.target.all_ids(TARGETS[:3]))
    ours = folder.load_model()(batch)
    expected = their_logits(theirs, folder, (rows.source, rows.target), batch)
    real = batch.target_out != 0
    others = [i for i in range(ours.size(2)) if i != BOS or not rows.start_is_another]
    assert_close(ours[real][:, others], expected[real][:, others], rtol=1e-4, atol=1e-4)
    if rows.start_is_another:
        assert float(ours[:, :, BOS].max()) < -1000


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"activation_function": "relu", "scale_embedding": False},
        {"activation_function": "gelu", "d_model": 18},
        {"separate": True},
        {"separate": True, "tie_word_embeddings": False},
    ],
    ids=str,
)
def test_logits_of_marian(tmp_path: Path, settings: dict[str, Any]) -> None:
    theirs = save_marian(tmp_path / "hub", **settings)
    check_logits(theirs, tmp_path / "hub", imported(tmp_path / "hub"))


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("bart", {}),
        ("bart", {"scale_embedding": True, "activation_function": "relu"}),
        ("mbart", {"scale_embedding": True}),
        ("m2m_100", {}),
        ("m2m_100", {"tie_word_embeddings": False, "activation_function": "swish"}),
    ],
    ids=str,
)
def test_logits_of_the_family(tmp_path: Path, kind: str, settings: dict[str, Any]) -> None:
    theirs = save_family(tmp_path / "hub", kind, **settings)
    folder = imported(tmp_path / "hub")
    check_logits(theirs, tmp_path / "hub", folder)
    split = folder.sides.source.tokenizer.split
    code, other = {"bart": ("<s>", "<s>"), "mbart": ("en_XX", "de_DE"), "m2m_100": ("__en__", "__de__")}[kind]
    assert split("The river") == [code, *split(f"{other} The river")[1:]]
    assert split(f"{other} The river")[0] == other
    assert UNK not in folder.sides.source.ids("The river")
    assert folder.sides.target.tokenizer.join([other, "▁The", "▁river"]) == "The river"


@pytest.mark.parametrize(
    ("kind", "values", "problem"),
    [
        ("mbart", {"tokenizer_class": "MBartTokenizer"}, "tokenizer_class 'MBartTokenizer' is not read"),
        ("mbart", {"tokenizer_class": None}, "tokenizer_class 'None' is not read"),
        ("m2m_100", {"legacy_behaviour": True}, "is not read as it is"),
    ],
)
def test_tokenizers_of_another_kind_are_named(tmp_path: Path, kind: str, values: dict[str, Any], problem: str) -> None:
    save_family(tmp_path / "hub", kind)
    change(tmp_path / "hub" / "tokenizer_config.json", values)
    with pytest.raises(UnsupportedError, match=problem):
        imported(tmp_path / "hub")
    (tmp_path / "hub" / "sentencepiece.bpe.model").unlink()
    with pytest.raises(UnsupportedError, match="has no sentencepiece model"):
        imported(tmp_path / "hub")


def test_codes_have_the_numbers_that_are_written_down(tmp_path: Path) -> None:
    save_family(tmp_path / "hub", "mbart")
    last = json.loads((tmp_path / "hub" / "config.json").read_text(encoding="utf-8"))["vocab_size"] - 1
    added = {str(last - 1): {"content": "en_XX"}, str(last - 2): {"content": "de_DE"}, str(last): {"content": "<mask>"}}
    change(tmp_path / "hub" / "tokenizer_config.json", {"added_tokens_decoder": added})
    rows, sides = read_sides(HubFolder.open(tmp_path / "hub"))[1], imported(tmp_path / "hub").sides
    for code, number in (("en_XX", last - 1), ("de_DE", last - 2)):
        assert rows.source[sides.source.ids(f"{code} The")[0]] == number
    assert sides.source.tokenizer.config.codes == ("de_DE", "en_XX")  # type: ignore[attr-defined]


def test_codes_of_languages_and_unknown_tokens(tmp_path: Path) -> None:
    save_marian(tmp_path / "hub", codes=(">>deu<<", ">>fra<<"))
    folder = imported(tmp_path / "hub")
    source, text = folder.sides.source, "The river is low."
    assert folder.settings.text.source.codes == (">>deu<<", ">>fra<<")  # type: ignore[attr-defined]
    for written in (f">>fra<< {text}", f">>fra<<{text}"):
        assert source.tokenizer.split(written) == [">>fra<<", *source.tokenizer.split(text)]
    assert source.ids(f">>fra<< {text}")[0] > UNK
    assert UNK in source.ids("東京")
    translator = Translator.load(folder.path)
    assert translator.translate(f">>fra<< {text}").status in ("ok", "unfinished")


@pytest.mark.filterwarnings("ignore")
def test_tokens_are_those_of_the_marian_tokenizer(tmp_path: Path) -> None:
    from transformers import MarianTokenizer

    save_marian(tmp_path / "hub", codes=(">>fra<<",))
    folder, theirs = imported(tmp_path / "hub"), MarianTokenizer.from_pretrained(tmp_path / "hub")
    rows = read_sides(HubFolder.open(tmp_path / "hub"))[1]
    for text in ["The river  is low.", " a tower", ">>fra<< A small map!", "Ärger ½ ﬁ 東京"]:
        ids = folder.sides.source.ids(text)
        assert [rows.source[i] for i in ids] + [0] == theirs(text).input_ids


def test_weights_in_several_files(tmp_path: Path) -> None:
    theirs = save_marian(tmp_path / "hub")
    (tmp_path / "hub" / "model.safetensors").unlink()
    theirs.save_pretrained(tmp_path / "hub", max_shard_size="4KB")
    assert len(list((tmp_path / "hub").glob("model-*.safetensors"))) > 1
    check_logits(theirs, tmp_path / "hub", imported(tmp_path / "hub"))


def test_weights_of_half_precision(tmp_path: Path) -> None:
    from transformers import MarianMTModel

    save_marian(tmp_path / "hub").half().save_pretrained(tmp_path / "hub")
    theirs = MarianMTModel.from_pretrained(tmp_path / "hub", dtype=torch.float32).eval()
    check_logits(theirs, tmp_path / "hub", imported(tmp_path / "hub"))


def change(file: Path, values: dict[str, Any]) -> None:
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | values), encoding="utf-8")


REFUSED = {
    "another family": ({"model_type": "llama"}, "model_type 'llama' is not read"),
    "no family": ({"model_type": None}, "is not read"),
    "activation": ({"activation_function": "tanh"}, "activation_function 'tanh' has no counterpart"),
    "two sizes": ({"encoder_ffn_dim": 25}, "encoder_ffn_dim 25 and decoder_ffn_dim 24 differ"),
    "pre-norm": ({"normalize_before": True}, "normalize_before is on"),
    "sizes of another model": ({"d_model": 32}, "do not fit config.json"),
    "more layers": ({"encoder_layers": 3}, "has no model.encoder.layers.2"),
    "fewer layers": ({"encoder_layers": 1}, "have no place"),
    "no size": ({"d_model": "16"}, "d_model is '16'"),
    "impossible size": ({"encoder_attention_heads": 3, "decoder_attention_heads": 3}, "3 heads do not divide"),
    "larger vocabulary": ({"vocab_size": 5000}, "embeddings"),
    "no start": ({"decoder_start_token_id": None}, "decoder_start_token_id is missing"),
}


@pytest.mark.parametrize(("values", "problem"), REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_fit_is_named(tmp_path: Path, values: dict[str, Any], problem: str) -> None:
    save_marian(tmp_path / "hub")
    change(tmp_path / "hub" / "config.json", values)
    with pytest.raises(RegardError, match=problem) as caught:
        imported(tmp_path / "hub")
    assert caught.value.hint
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "source.spm", "target.spm", "vocab.json"])
@pytest.mark.parametrize("damage", [b"", b"{", b"[1, 2]", b"\xff\x00\x01" * 9])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, damage: bytes) -> None:
    save_marian(tmp_path / "hub")
    (tmp_path / "hub" / name).write_bytes(damage)
    with pytest.raises(RegardError, match=name.partition(".")[0]):
        imported(tmp_path / "hub")


def test_pickles_are_refused_and_never_opened(tmp_path: Path) -> None:
    save_marian(tmp_path / "hub")
    (tmp_path / "hub" / "model.safetensors").rename(tmp_path / "hub" / "pytorch_model.bin")
    with pytest.raises(UnsupportedError, match="convert it to safetensors"):
        imported(tmp_path / "hub")
    (tmp_path / "hub" / "pytorch_model.bin").unlink()
    with pytest.raises(CheckpointError, match="is missing"):
        imported(tmp_path / "hub")


@pytest.mark.parametrize("index", [{}, {"weight_map": {"a": "../model.safetensors"}}, {"weight_map": {"a": 3}}])
def test_an_index_names_files_of_the_folder_alone(tmp_path: Path, index: dict[str, Any]) -> None:
    save_marian(tmp_path / "hub")
    (tmp_path / "hub" / "model.safetensors").rename(tmp_path / "model.safetensors")
    (tmp_path / "hub" / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(CheckpointError, match="is damaged"):
        imported(tmp_path / "hub")


def test_it_needs_no_transformers(tmp_path: Path) -> None:
    save_marian(tmp_path / "hub")
    code = (
        "import sys; sys.modules['transformers'] = None; from regard.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    words = ["import", str(tmp_path / "hub"), "--out", str(tmp_path / "imported"), "--json"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["architecture"] == "marian"
    assert main(words) == 2  # since it is there


def test_fine_tuning_an_imported_model(tmp_path: Path) -> None:
    save_marian(tmp_path / "hub")
    folder = imported(tmp_path / "hub")
    lines = "".join(f"{s} {i}\t{t}\n" for i, (s, t) in enumerate(zip(SOURCES * 3, TARGETS * 3, strict=True)))
    (tmp_path / "pairs.tsv").write_text(lines, encoding="utf-8")
    steps = ["--set", "training.threads=1", "--set", "training.precision=float32", "--steps", "3", "--quiet"]
    out = tmp_path / "run"
    assert main(["train", str(tmp_path / "pairs.tsv"), "--from", str(folder.path), "--out", str(out), *steps]) == 0
    tuned = ModelFolder.open(out)
    assert tuned.settings.model == folder.settings.model
    assert tuned.sides.target.text(tuned.sides.target.ids("Der Fluss")) == "Der Fluss"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
        {"feed_forward_proj": "gated-silu", "tie_word_embeddings": False, "own_head": True},
        {"num_decoder_layers": 1, "layer_norm_epsilon": 1e-3},
    ],
    ids=str,
)
def test_logits_of_t5(tmp_path: Path, settings: dict[str, Any]) -> None:
    theirs = save_t5(tmp_path / "hub", **settings)
    check_logits(theirs, tmp_path / "hub", imported(tmp_path / "hub"))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"d_kv": 5}, "2 heads of d_kv=5 are not d_model=16"),
        ({"feed_forward_proj": "gelu"}, "feed_forward_proj 'gelu'"),
    ],
)
def test_t5_that_does_not_fit_is_named(tmp_path: Path, settings: dict[str, Any], problem: str) -> None:
    save_t5(tmp_path / "hub", **settings)
    with pytest.raises(UnsupportedError, match=problem):
        imported(tmp_path / "hub")
