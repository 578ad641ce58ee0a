"""Runs are compared on what they have in common, speaker by speaker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from realtime_ser.base.errors import UsageError
from realtime_ser.base.labels import LABELS
from tests.training.html_page import Page, check_alone
from tests.training.synthetic import synthetic_clips, synthetic_run
from training.corpora import Clip
from training.measure.clip_results import ClipResult, Evaluation, SegmentResult
from training.report.compare import compare
from training.run_folder import PREDICTIONS, Run

CLIPS = [
    replace(clip, speaker=speaker, name=f"{clip.name}-{speaker}-{k}")
    for clip in synthetic_clips(corpora=["crema_d"])[:6]
    for speaker in ("1037", "1038", "1039", "1040")
    for k in range(10)
]


def answered(clips: Sequence[Clip], right: Callable[[Clip], bool]) -> Evaluation:
    """Answers that are right for some clips, and one class too far for the others."""
    results = []
    for clip in clips:
        place = clip.classes.index(clip.label) + (not right(clip))
        said = np.full(len(LABELS), 0.01, np.float32)
        said[LABELS.index(clip.classes[place % len(clip.classes)])] = 0.93
        results.append(ClipResult(clip, (SegmentResult(said, 50),), {}))
    return Evaluation(LABELS, tuple(results), {"name": "made up"})


def number(clip: Clip) -> int:
    return int(clip.name.rsplit("-", 1)[1])


@pytest.fixture
def six_of_ten(tmp_path) -> Run:
    return synthetic_run(
        tmp_path / "six", evaluation=answered(CLIPS, lambda clip: number(clip) < 6)
    )


def test_a_gain_with_every_speaker_is_beyond_doubt(six_of_ten, tmp_path):
    better = synthetic_run(
        tmp_path / "seven", seed=1, evaluation=answered(CLIPS, lambda clip: number(clip) < 7)
    )
    text, html = compare([six_of_ten, better])
    assert "| CREMA-D |   240 |      UAR | 0.600 | 0.700 |" in text
    assert "| CREMA-D | UAR      |         +10.0 | +10.0 to +10.0 |" in text
    assert "B is better on CREMA-D by 10.0 points (10.0 to 10.0)." in text
    page = check_alone(html)
    assert "B is better on CREMA-D by 10.0 points (10.0 to 10.0)." in page.text
    assert page.row("CREMA-D", table=1)[1:4] == ["UAR", "+10.0", "+10.0 to +10.0"]


def test_the_better_one_may_be_the_first(six_of_ten, tmp_path):
    worse = synthetic_run(
        tmp_path / "five", seed=1, evaluation=answered(CLIPS, lambda clip: number(clip) < 5)
    )
    text, _ = compare([six_of_ten, worse])
    assert "A is better on CREMA-D by 10.0 points (10.0 to 10.0)." in text
    assert "−10.0 to −10.0" in text


def test_a_gain_with_one_speaker_alone_may_be_chance(six_of_ten, tmp_path):
    right = {"1037": 10, "1038": 5, "1039": 6, "1040": 6}
    mixed = synthetic_run(
        tmp_path / "mixed",
        seed=1,
        evaluation=answered(CLIPS, lambda clip: number(clip) < right[clip.speaker]),
    )
    text, _ = compare([six_of_ten, mixed])
    assert "A and B cannot be told apart on CREMA-D: +7.5 points (" in text


def test_one_speaker_decides_nothing(tmp_path):
    mine = [clip for clip in CLIPS if clip.speaker == "1037"]
    runs = [
        synthetic_run(
            tmp_path / str(k), seed=k, evaluation=answered(mine, lambda clip, k=k: number(clip) < k)
        )
        for k in (4, 8)
    ]
    text, html = compare(runs)
    assert "cannot be told apart on CREMA-D: +40.0 points with one speaker" in text
    assert check_alone(html).row("CREMA-D", table=1)[1:4] == ["UAR", "+40.0", "–"]


def test_the_same_answers_differ_by_nothing(six_of_ten, tmp_path):
    again = synthetic_run(
        tmp_path / "again", seed=1, evaluation=answered(CLIPS, lambda clip: number(clip) < 6)
    )
    text, _ = compare([six_of_ten, again])
    assert "A and B cannot be told apart on CREMA-D: +0.0 points (+0.0 to +0.0)." in text


def test_what_not_all_were_tested_on_is_left_out_and_counted(six_of_ten, tmp_path):
    first = CLIPS[0]
    others = [replace(first, label="happy"), *CLIPS[1:200]]
    fewer = synthetic_run(tmp_path / "fewer", seed=1, evaluation=answered(others, lambda _: True))
    text, html = compare([six_of_ten, fewer])
    assert "| CREMA-D |   199 |" in text
    assert "A: 41 clips that not all were tested on are left out." in text
    assert "B: 1 clips that not all were tested on are left out." in text
    assert "41 clips that not all were tested on" in Page(html).text


def test_clips_that_are_there_twice_are_paired_in_their_order(tmp_path):
    twice = [*CLIPS, *CLIPS]
    seen: set[str] = set()

    def first_time(clip: Clip) -> bool:
        return clip.name not in seen and not seen.add(clip.name)

    once = synthetic_run(tmp_path / "a", evaluation=answered(CLIPS, lambda _: True))
    both = synthetic_run(tmp_path / "b", seed=1, evaluation=answered(twice, first_time))
    text, _ = compare([once, both])
    assert "| CREMA-D |   240 |      UAR | 1.000 | 1.000 |" in text
    assert "B: 240 clips that not all" in text
    again = synthetic_run(tmp_path / "c", seed=2, evaluation=answered(twice, lambda _: True))
    text, _ = compare([both, again])
    assert "| CREMA-D |   480 |      UAR | 0.500 | 1.000 |" in text


def test_folds_of_one_recipe_are_taken_together(tmp_path):
    def fold(name: str, number_of_fold: int, seed: int, right: int) -> Run:
        speakers = ("1037", "1038") if number_of_fold == 1 else ("1039", "1040")
        tested = [clip for clip in CLIPS if clip.speaker in speakers]
        return synthetic_run(
            tmp_path / name,
            fold=number_of_fold,
            seed=seed,
            evaluation=answered(tested, lambda clip: number(clip) < right),
        )

    runs = [fold("a1", 1, 0, 4), fold("b2", 2, 1, 9), fold("a2", 2, 0, 6), fold("b1", 1, 1, 7)]
    text, _ = compare(runs)
    assert "A: default folds 1, 2, seed 0\nB: default folds 1, 2, seed 1\n" in text
    assert "| CREMA-D |   240 |      UAR | 0.500 | 0.800 |" in text


def test_the_mean_over_corpora_leaves_out_two_speakers(tmp_path):
    def everywhere(right: dict[str, bool]) -> Evaluation:
        clips = [
            replace(clip, corpus=name) for name in ("crema_d", "emodb", "tess") for clip in CLIPS
        ]
        return answered(clips, lambda clip: right[clip.corpus])

    runs = [
        synthetic_run(
            tmp_path / str(k),
            seed=k,
            evaluation=everywhere({"crema_d": True, "emodb": bool(k), "tess": bool(k)}),
        )
        for k in range(2)
    ]
    text, _ = compare(runs)
    assert "B is better in the mean over corpora by 50.0 points (50.0 to 50.0)." in text
    assert "B is better on TESS by 100.0 points" in text


def test_what_leaked_is_told(six_of_ten, tmp_path):
    leaky = synthetic_run(
        tmp_path / "leaky", recipe="c_cnn", evaluation=answered(CLIPS, lambda _: True)
    )
    text, html = compare([six_of_ten, leaky])
    assert "B: Clips were drawn at random" in text
    assert "B is not a measure of strangers." in Page(html).text


def test_one_run_is_nothing_to_compare(six_of_ten):
    with pytest.raises(UsageError, match="nothing to compare"):
        compare([six_of_ten])


def test_runs_on_different_clips_are_refused(six_of_ten, tmp_path):
    others = [replace(clip, name=f"other {clip.name}") for clip in CLIPS]
    other = synthetic_run(tmp_path / "other", seed=1, evaluation=answered(others, lambda _: True))
    with pytest.raises(UsageError, match="tested on different clips"):
        compare([six_of_ten, other])


def test_a_run_without_predictions_is_refused(six_of_ten, tmp_path):
    begun = synthetic_run(tmp_path / "begun", seed=1, evaluation=answered(CLIPS, lambda _: True))
    (begun.folder / PREDICTIONS).unlink()
    with pytest.raises(UsageError, match="run the same recipe again"):
        compare([six_of_ten, begun])
    (begun.folder / PREDICTIONS).write_text("clip,label\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no table of predictions"):
        compare([six_of_ten, begun])
