import json
from pathlib import Path

import pytest

from regard.cli.main import main
from regard.cli.progress import Pace, duration
from regard.cli.train import duration_given
from regard.errors import ConfigError
from regard.plan import plan_new
from regard.run import Run
from regard.training.progress import StepReport
from tests.training.runs import Recorder, tiny_run

TINY = [
    "--preset", "letters", "--steps", "6", "--set", "model.d_model=16", "--set", "model.heads=2",
    "--set", "model.d_ff=16",
    "--set", "training.validate_every=3", "--set", "training.threads=1", "--set", "training.precision=float32",
]  # fmt: skip


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    lines = [f"{a} {b}\t{b} {a}" for a in "abcdefgh" for b in "abcdefgh"]
    (tmp_path / "letters.tsv").write_text("\n".join([*lines, "\tno source"]) + "\n")
    return "letters.tsv"


def test_training_tells_what_it_does_and_leaves_a_run(pairs: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", pairs, *TINY]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    for words in (
        "writes runs/letters",
        "48 to learn from, 16 held out",
        "1 left out, empty source: line 65",
        " valid ",
    ):
        assert words in said.err, said.err
    assert "regard translate runs/letters FILE" in said.err
    for file in (
        "report.html",
        "README.md",
        "metrics.jsonl",
        "samples.jsonl",
        "best/model.safetensors",
        "choices.json",
    ):
        assert (Path("runs/letters") / file).is_file(), file
    assert "\x1b" not in said.err


def test_quiet_only_warns_and_json_prints_one_event_a_line(pairs: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", pairs, *TINY, "--quiet"]) == 0
    assert all(line.startswith("warning: ") for line in capsys.readouterr().err.splitlines())
    assert main(["train", pairs, *TINY, "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["step"] for event in events if event["event"] == "step"] == list(range(1, 7))
    assert {"validation", "saved"} <= {event["event"] for event in events}
    assert Path("runs/letters-2").is_dir()


def test_a_dry_run_predicts_and_makes_nothing(pairs: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", pairs, *TINY, "--dry-run", "--json"]) == 0
    cost = json.loads(capsys.readouterr().out)
    assert cost["parameters"] > 0
    assert cost["seconds"] > 0
    assert cost["disk"] > 4 * cost["parameters"]
    assert not Path("runs").exists()


def test_resuming_needs_no_pairs_and_goes_on_to_more_steps(pairs: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", pairs, *TINY, "--out", "run", "--quiet"]) == 0
    assert main(["train", "--resume", "--out", "run", "--steps", "9", "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["step"] for event in events if event["event"] == "step"] == [7, 8, 9]
    assert main(["train", "--resume", "--out", "run", "--set", "training.seed=5"]) == 2
    assert "training.seed was 1 and is 5" in capsys.readouterr().err


def test_pairs_that_are_named_go_before_those_of_a_config_file(pairs: str) -> None:
    Path("other.toml").write_text('[task]\ntrain = "nowhere.tsv"\nvalid = "nowhere.tsv"\nmetrics = ["ter"]\n')
    Path("run").mkdir()
    assert main(["train", pairs, "--config", "other.toml", *TINY, "--quiet", "--out", "run"]) == 0
    task = Run.open("run").config.task
    assert (Path(getattr(task, "train", "")).name, getattr(task, "valid", ""), task.metrics) == (pairs, "", ("ter",))


def test_auto_prints_what_it_chose_and_why(pairs: str, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--steps", "2", "--set", "model.encoder_layers=1", "--set", "model.decoder_layers=1"]
    assert main(["train", pairs, *small, "--out", "run"]) == 0
    said = capsys.readouterr().err
    assert "chosen  preset modern" in said
    assert "8 and 8 symbols between spaces, each a token\n" in said
    assert said.count("(your settings change this)") == 2  # layers and steps


def test_auto_takes_settings_that_go_with_the_preset_it_will_choose(tmp_path: Path) -> None:
    lines = [f"{a}{b}{c}\t{a.upper()} {b.upper()} {c.upper()}" for a in "abcdef" for b in "abcdef" for c in "abcdef"]
    (tmp_path / "words.tsv").write_text("\n".join(lines))
    task = {"task": {"kind": "files", "train": str(tmp_path / "words.tsv")}}
    plan = plan_new(task, {"text": {"target": "spaced"}}, out=tmp_path / "run")
    assert (plan.config.text.source.kind, plan.config.text.target.kind) == ("characters", "spaced")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"training": {"best_by": "blue"}}, r"training\.best_by: unknown metric 'blue' \(did you mean 'bleu'"),
        ({"training": 3}, r"training: "),
        ({"model": {"heads": 7}}, r"model\.heads: 7 heads do not divide"),
    ],
)
def test_auto_refuses_what_goes_with_no_preset_before_it_reads_pairs(
    tmp_path: Path, settings: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        plan_new({"task": {"kind": "files", "train": "nowhere.tsv"}}, settings, out=tmp_path / "run")


def test_ctrl_c_saves_and_says_how_to_go_on(
    pairs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from regard.training.loop import Interrupted, Trainer

    def stopped(self: Trainer) -> None:
        self.save()
        raise Interrupted

    monkeypatch.setattr(Trainer, "train", stopped)
    assert main(["train", pairs, *TINY, "--out", "run"]) == 130
    assert "go on with: regard train --resume --out run" in capsys.readouterr().err
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "interrupted"


def test_the_tables_align_and_the_best_is_marked(tmp_path: Path) -> None:
    from regard.cli.progress import heading, row, sample_lines

    run, splits = tiny_run(tmp_path / "run")
    heard = Recorder()
    run.train(splits, heard)
    first = heard.validations[0]
    assert len(heading(first)) == len(row(first).removesuffix(" *"))
    assert row(first).endswith(" *")
    assert len(sample_lines(first)) == 9


@pytest.mark.parametrize(("room", "words"), [
    (71, "12/345  loss 1.250  rate 3e-04  12,345 tok/s  48 min left  0.5 GiB"),
    (60, "12/345  loss 1.250  12,345 tok/s  48 min left  0.5 GiB"),
    (40, "12/345  loss 1.250  48 min left"),
    (20, "12/345  48 min left"),
    (9, "12/345"),
])  # fmt: skip
def test_a_narrow_terminal_shows_what_matters_most(room: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    report = StepReport(
        step=12, epoch=0, loss=1.25, rate=3e-4, gradient_norm=1.0, tokens=100, padding=0.1, tokens_per_second=12345.0,
        memory=2**29,
    )  # fmt: skip
    pace = Pace()
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    pace.add(report)
    pace.add(report)
    monkeypatch.setattr("time.monotonic", lambda: 100.0 + 48.5 * 60 / 333)
    assert pace.words(report, 345, room) == words


@pytest.mark.parametrize(("seconds", "words"), [(5.4, "5 s"), (61, "1 min 01 s"), (3720, "1 h 02 min")])
def test_durations(seconds: float, words: str) -> None:
    assert duration(float(seconds)) == words


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("10m", 600.0), ("2min", 120.0), ("1h30m5s", 5405.0)])
def test_a_time(text: str, seconds: float) -> None:
    assert duration_given(text) == seconds


@pytest.mark.parametrize("given", [["--budget", "soon"], ["--budget", "10"], ["--budget", "0m"], ["--budget", "1m"]])
def test_a_time_that_is_none_or_goes_with_steps(
    given: list[str], pairs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", pairs, *TINY, *given]) == 2
    said = capsys.readouterr().err
    assert "--budget" in said
    assert said.count("\n") == 1
    assert not Path("runs").exists()


def test_a_training_by_the_clock(pairs: str, capsys: pytest.CaptureFixture[str]) -> None:
    timed = [word for word in TINY if word not in ("--steps", "6")]
    assert main(["train", pairs, *timed, "--budget", "1s"]) == 0
    said = capsys.readouterr().err
    auto = plan_new(
        {"task": {"kind": "files", "train": pairs}},
        {"training": {"budget": 60.0, "average": 3, "precision": "float32"}},
        out=Path("runs/auto"),
    )
    assert (auto.config.training.average, auto.config.training.ema) == (3, 0.0)
    assert "1 s from the start of the command" in said
    assert Run.open("runs/letters").status()["state"] == "finished"
