from pathlib import Path

import pytest
from safetensors.torch import save_file

from regard.errors import CheckpointError
from regard.models.count import PARTS, parameters_by_part, tensor_shapes, without_embeddings
from tests.tiny import CONFIGS, fresh_model


def test_by_hand() -> None:
    shapes = {
        "embeddings.source_table": (10, 4),
        "embeddings.output_table": (7, 4),
        "embeddings.output_bias": (7,),
        "encoder.layers.0.widening.widen.weight": (8, 4),
        "decoder.scale": (),
    }
    parts = parameters_by_part(shapes)
    assert parts == {"embeddings": 40, "output": 35, "encoder": 32, "decoder": 1}
    assert without_embeddings(parts) == 33


@pytest.mark.parametrize("name", CONFIGS)
def test_every_weight_of_every_family_is_counted_once(name: str, tmp_path: Path) -> None:
    model = fresh_model(CONFIGS[name])
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    parts = parameters_by_part(tensor_shapes(tmp_path / "model.safetensors"))
    assert tuple(parts)[: len(PARTS)] == PARTS
    assert sum(parts.values()) == sum(weight.numel() for weight in model.parameters())
    tables = [*model.embeddings.parameters(), *model.ngrams.parameters()]  # type: ignore[union-attr,operator]
    assert without_embeddings(parts) == sum(parts.values()) - sum(weight.numel() for weight in tables)


@pytest.mark.parametrize("content", [b"", b"\x00" * 7, b"\xff" * 100, b'{"weights": [1, 2]}'])
def test_a_damaged_file(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: cannot be read: .* \(take a whole copy\)"):
        tensor_shapes(file)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"model\.safetensors: cannot be read: "):
        tensor_shapes(tmp_path / "model.safetensors")
