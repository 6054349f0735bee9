"""regard evaluate and regard compare, from the outside."""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from regard.cli.main import main
from regard.data.pairs import Pair
from regard.decoding.types import BeamConfig
from regard.evaluation.compare import compare
from regard.evaluation.evaluate import evaluate
from regard.experiment import resolve
from regard.inference.translator import Translator
from regard.metrics import METRICS
from regard.run import Run
from regard.tasks.base import Splits, build_task
from tests.tiny_model import save_tiny_model

HELD_OUT = [Pair("abc", "AA CH", line=1), Pair("hello", "B D", ("B",), line=2), Pair("abc", "AA", line=3)]
LEARNT = [Pair("world", "EH", line=1), Pair("mnop", "F", line=2)]
SPLITS = Splits(LEARNT, HELD_OUT)

Regard = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw sentences again a few times only: checking the shapes of each draw takes long."""
    monkeypatch.setattr("regard.evaluation.evaluate.evaluate", partial(evaluate, resamples=20))
    monkeypatch.setattr("regard.evaluation.compare.compare", partial(compare, resamples=20, trials=50))


@pytest.fixture
def regard(capsys: pytest.CaptureFixture[str]) -> Regard:
    """Run a command in this process; return its exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def make_run(path: Path, *, seed: int = 1, task: dict[str, Any] | None = None, splits: Splits = SPLITS) -> Path:
    """Make a run with a tiny, untrained model."""
    files = {"kind": "files", "train": f"{path}.tsv", "metrics": ["per"]}
    config = resolve({"task": task or files, "training": {"seed": seed}})
    run = Run.create(path, config, splits)
    save_tiny_model(run.path / "best", seed=seed)
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs that held out the same pairs."""
    folder = tmp_path_factory.mktemp("runs")
    return make_run(folder / "one", seed=1), make_run(folder / "two", seed=2)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    (tmp_path / "pairs.tsv").write_text("abc\tAA CH\n\tB\nxyz\tIH K L\n", encoding="utf-8")
    return tmp_path / "pairs.tsv"


def test_json_names_the_metrics_whose_package_is_missing(
    regard: Regard, runs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rouge_score.rouge_scorer", None)
    values = json.loads(regard("evaluate", runs[0], "--json")[1])
    assert set(values["missing_metrics"]) == {"rouge1", "rouge2", "rougeL"}
    assert "pip install rouge-score" in values["missing_metrics"]["rouge1"]
    assert not set(values["missing_metrics"]) & set(values["metrics"])


def test_json_is_one_object_about_the_held_out_pairs(regard: Regard, runs: tuple[Path, Path]) -> None:
    code, out, err = regard("evaluate", runs[0], "--json")
    values = json.loads(out)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert next(iter(values["metrics"])) == "per"
    assert values["metrics"].keys() == METRICS.keys()
    for result in values["metrics"].values():
        assert "|nrefs:var|" in result["signature"]
        low, high = result["interval"]
        assert low <= result["value"] <= high
    assert (values["pairs"], values["sentences"], values["pooled"]) == (3, 3, False)
    assert values["model"] == str(runs[0] / "best")
    assert values["decoding"]["kind"] == "beam"
    assert values["tokens"] == sum(len(pair.target.split()) + 1 for pair in HELD_OUT)


def test_what_is_measured_is_what_translate_writes(regard: Regard, runs: tuple[Path, Path], tmp_path: Path) -> None:
    sources = tmp_path / "sources.txt"
    sources.write_text("".join(f"{pair.source}\n" for pair in HELD_OUT), encoding="utf-8")
    assert regard("evaluate", runs[0], "--output", tmp_path / "outputs", "--json")[0] == 0
    _, translations, _ = regard("translate", runs[0], sources)
    assert (tmp_path / "outputs").read_text(encoding="utf-8") == translations


def test_named_pairs_metrics_and_beams(regard: Regard, runs: tuple[Path, Path], pairs: Path) -> None:
    code, out, _ = regard("evaluate", runs[0], pairs, "--json", "--metrics", "bleu,ter", "--beams", "2")
    values = json.loads(out)
    assert (code, values["pairs"], values["decoding"]["beams"]) == (0, 3, 2)
    assert values["statuses"]["empty"] == 1
    assert [result["signature"][:4] for result in values["metrics"].values()] == ["BLEU", "TER|"]


def test_pooled_references(regard: Regard, runs: tuple[Path, Path]) -> None:
    values = json.loads(regard("evaluate", runs[0], "--pooled", "--json")[1])
    assert (values["pairs"], values["sentences"], values["pooled"]) == (3, 2, True)


def test_a_pooled_task_is_pooled_without_asking(regard: Regard, tmp_path: Path) -> None:
    task = {"kind": "files", "train": "train.tsv", "metrics": ["per"], "pooled": True}
    values = json.loads(regard("evaluate", make_run(tmp_path / "run", task=task), "--json")[1])
    assert values["pooled"] is True


def test_a_model_folder_in_a_run_is_measured_like_the_run(regard: Regard, runs: tuple[Path, Path]) -> None:
    _, of_run, _ = regard("evaluate", runs[0], "--json")
    _, of_folder, _ = regard("evaluate", runs[0] / "best", "--json")
    ours, theirs = json.loads(of_run), json.loads(of_folder)
    assert ours.pop("seconds") > 0
    assert theirs.pop("seconds") > 0
    assert ours == theirs


def test_a_model_without_its_run(regard: Regard, tmp_path: Path, pairs: Path) -> None:
    folder = save_tiny_model(tmp_path / "model").path
    values = json.loads(regard("evaluate", folder, pairs, "--json")[1])
    assert list(values["metrics"])[:2] == ["bleu", "chrf"]
    code, _, err = regard("evaluate", folder)
    assert (code, err) == (2, f"regard: {folder}: which pairs? it lies in no run (name a file of pairs)\n")


def test_the_test_pairs_of_a_task(regard: Regard, tmp_path: Path) -> None:
    task = {"kind": "reverse", "test": 7, "train": 10, "valid": 5}
    values = json.loads(regard("evaluate", make_run(tmp_path / "run", task=task), "--split", "test", "--json")[1])
    assert values["pairs"] == 7


def test_a_task_without_test_pairs(regard: Regard, tmp_path: Path) -> None:
    for name, text in (("train", "abc\tAA"), ("valid", "mnop\tF")):
        (tmp_path / f"{name}.tsv").write_text(f"{text}\n", encoding="utf-8")
    task = {"kind": "files", "train": str(tmp_path / "train.tsv"), "valid": str(tmp_path / "valid.tsv")}
    run = make_run(tmp_path / "run", task=task)
    code, _, err = regard("evaluate", run, "--split", "test")
    assert (code, err) == (2, f"regard: {run}: the task 'files' has no test pairs (name a file of pairs)\n")


def test_numbers_for_people(regard: Regard, runs: tuple[Path, Path], pairs: Path) -> None:
    command = ["evaluate", runs[0], pairs, "--metrics", "per,exact_match"]
    code, out, _ = regard(*command)
    values = json.loads(regard(*command, "--json")[1])
    assert code == 0
    assert "\x1b" not in out
    assert not [line for line in out.splitlines() if line != line.rstrip()]
    for result in values["metrics"].values():
        low, high = result["interval"]
        name = result["name"].replace("_", " ")
        (row,) = (line for line in out.splitlines() if line.startswith(f"{name} "))
        assert row.split()[-5:] == [f"{result['value']:.2f}", "%", f"{low:.2f}", "to", f"{high:.2f}"]
        assert result["signature"] in out.splitlines()
    assert f"loss {values['loss']:.4f} nats per token" in out
    assert "reference  IH K L" in out


def test_long_texts_are_noted(regard: Regard, runs: tuple[Path, Path], pairs: Path) -> None:
    pairs.write_text(f"abc\tAA\n{'a' * 50}\tB\n", encoding="utf-8")
    _, out, err = regard("evaluate", runs[0], pairs)
    assert err == "note: 1 line translated in parts, being too long: 2\n"
    assert "(pairs left out, being too long: 1)" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--metrics", "bleu,blue"], "--metrics: unknown metric 'blue' (did you mean 'bleu'?)"),
        (["--beams", "0"], "--beams: 0 is not within 1 to 1000"),
        (["no-such.tsv"], "no-such.tsv: no such file"),
        (["--split", "train"], "--split: unknown value 'train'"),
        (["pairs.tsv", "--split", "test"], "--split: cannot go with PAIRS (choose one of the two)"),
        (["--output", "no/such/place"], f"{Path.cwd()}/no/such/place: cannot be written"),
    ],
)
def test_mistakes(regard: Regard, runs: tuple[Path, Path], arguments: list[str], words: str) -> None:
    code, out, err = regard("evaluate", runs[0], *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"regard: {words}")


@pytest.mark.parametrize("command", [["evaluate"], ["compare", "RUN"]])
def test_a_missing_and_a_damaged_model(regard: Regard, tmp_path: Path, command: list[str]) -> None:
    run = make_run(tmp_path / "run")
    words = [str(run) if word == "RUN" else word for word in command]
    assert regard(*words, tmp_path / "gone")[::2] == (
        2,
        f"regard: {tmp_path}/gone: does not exist (give the folder of a run or of a model)\n",
    )
    weights = run / "best" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    code, out, err = regard(*words, run)
    assert (code, out) == (2, "")
    assert err == f"regard: {weights}: is damaged: its checksum differs (take a whole copy)\n"


def test_comparing_says_which_is_better(regard: Regard, runs: tuple[Path, Path]) -> None:
    code, out, err = regard("compare", *runs, "--json")
    values = json.loads(out)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert values["first"]["model"] == str(runs[0] / "best")
    comparison = values["metrics"]["per"]
    assert comparison["first"] == values["first"]["metrics"]["per"]["value"]
    assert comparison["second"] == values["second"]["metrics"]["per"]["value"]
    assert comparison["difference"] == comparison["second"] - comparison["first"]
    assert comparison["better"] is None  # of three sentences
    assert values["settings"] == {
        "task.train": [f"{path}.tsv" for path in runs],
        "training.seed": [1, 2],
    }
    assert values["parameters"][0] == values["parameters"][1] == count(runs[0])


def count(run: Path) -> int:
    """Return how many numbers a model has, the other way."""
    return sum(weight.numel() for weight in Translator.load(run).folder.load_model().parameters())


def test_comparing_for_people(regard: Regard, runs: tuple[Path, Path]) -> None:
    _, out, _ = regard("compare", *runs)
    lines = [line.split() for line in out.splitlines()]
    assert ["training.seed", "1", "2"] in lines
    assert ["A", str(runs[0] / "best"), f"{count(runs[0]):,}"] in [line[:3] for line in lines]
    assert "no difference in per that these 3 sentences could show, p = " in out


def test_a_run_differs_in_nothing_from_itself(regard: Regard, runs: tuple[Path, Path]) -> None:
    values = json.loads(regard("compare", runs[0], runs[0] / "best", "--json")[1])
    assert values["settings"] == {}
    assert values["examples"] == []
    assert {comparison["difference"] for comparison in values["metrics"].values()} == {0.0}


def test_models_without_runs_need_pairs(regard: Regard, tmp_path: Path, pairs: Path) -> None:
    first = save_tiny_model(tmp_path / "one").path
    second = save_tiny_model(tmp_path / "two", decoding=BeamConfig(beams=2)).path
    code, _, err = regard("compare", first, second)
    assert (code, err) == (2, f"regard: {first}: which pairs? it lies in no run (name some with --test)\n")
    values = json.loads(regard("compare", first, second, "--test", pairs, "--metrics", "per", "--json")[1])
    assert values["first"]["pairs"] == 3
    assert values["settings"]["decoding.beams"] == [4, 2]


@pytest.mark.parametrize("option", ["--test-target", "--columns", "--fields"])
def test_how_pairs_are_read_needs_pairs(regard: Regard, runs: tuple[Path, Path], option: str) -> None:
    code, _, err = regard("compare", *runs, option, "1,2")
    assert (code, err) == (2, f"regard: {option}: has no meaning without --test (name the pairs with --test)\n")


def test_pairs_that_the_other_run_has_learnt_are_refused(
    regard: Regard, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "train.tsv").write_text("abc\tAA CH\nworld\tEH\n", encoding="utf-8")
    (tmp_path / "valid.tsv").write_text("mnop\tF\n", encoding="utf-8")
    task = {"kind": "files", "train": str(tmp_path / "train.tsv"), "valid": str(tmp_path / "valid.tsv")}
    splits = build_task(resolve({"task": task}).task).splits()
    other = make_run(tmp_path / "other", task=task, splits=splits)
    code, out, err = regard("compare", runs[0], other)
    assert (code, out) == (2, "")
    assert err.startswith(f"regard: {other}: learnt from 2 of the 3 sources that {runs[0]} held out (")


def test_pairs_that_the_other_run_may_have_learnt_are_noted(
    regard: Regard, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    other = make_run(tmp_path / "other", splits=Splits(LEARNT, HELD_OUT[:1]))
    code, _, err = regard("compare", runs[0], other)
    assert code == 0
    assert err.startswith(f"note: {other} held out other pairs; it may have learnt from these (no such file")
