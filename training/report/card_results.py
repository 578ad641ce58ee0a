"""Sections of a card that say what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from realtime_ser.recogniser.bundle import Bundle
from training.report.formatting import (
    NO_VALUE,
    delay,
    format_interval,
    format_points_interval,
    join_names,
    language,
    one_decimal,
    paragraph,
    points,
    ratio,
    seconds,
)
from training.tables import table

CONFUSION, RELIABILITY = "confusion.png", "reliability.png"
EARLY, NOISE = "early.png", "noise.png"

Result = Mapping[str, Any]
"""What :func:`training.streaming.scores.streaming_scores` gives."""


def measured(bundle: Bundle, result: Result) -> list[str]:
    """Sections from early decisions to groups, as Markdown; empty where nothing was measured."""
    return [
        _early(result),
        _levels(result),
        _noise(result),
        f"![UAR against the signal-to-noise ratio]({NOISE})" if "noise" in result else "",
        _streams(result),
        _classes(result),
        _calibration(bundle, result),
        _speaker_calibration_section(result),
        _groups(result),
    ]


def condition_sections(result: Result) -> list[str]:
    """Sections on levels, noise, streams and switches, as Markdown, where they were measured."""
    sections = (_levels(result), _noise(result), _streams(result))
    return [section.strip() for section in sections if section]


def _early(result: Result) -> str:
    corpora = result["corpora"].values()
    seconds = list(next(iter(corpora))["uar_after"])
    rows = [
        [
            scores["title"],
            *(f"{scores['uar_after'][second]:.3f}" for second in seconds),
            f"{scores['uar']:.3f}",
        ]
        for scores in corpora
    ]
    return f"""
## Early decisions

UAR after so many seconds of sound from the first voiced frame on; a shorter clip uses its result.

{table(["corpus", *(f"{float(second):g} s" for second in seconds), "whole clip"], rows)}

![UAR against seconds heard]({EARLY})
"""


def _loss_table(result: Result, measured: str, by: str, before: str) -> str:
    """Table of UAR before, and under each circumstance in dB with the points that it loses."""
    header, rows = ["corpus", before], []
    for decibels in result[measured]["points_lost"]:
        header += [f"{decibels} dB", "lost"]
    for name, own in result[measured]["corpora"].items():
        plain = result["corpora"][name]
        cells = [plain["title"], f"{plain['uar']:.3f}"]
        for at in own[by].values():
            cells += [f"{at['uar']:.3f}", one_decimal(at["points_lost"])]
        rows.append(cells)
    return table(header, rows)


def _levels(result: Result) -> str:
    if "levels" not in result:
        return ""
    words = paragraph(
        "UAR of the clips as another microphone's gain would give them, never clipped, and the "
        "points it loses."
    )
    return f"""
## Levels

{words}

{_loss_table(result, "levels", "by_gain", "as recorded")}
"""


def _noise(result: Result) -> str:
    if "noise" not in result:
        return ""
    noise = result["noise"]
    words = paragraph(
        f"UAR with noise under each clip, and the points it loses. Kinds of noise: "
        f"{join_names(noise['kinds'])}; none of them trains. The signal-to-noise ratio is that "
        "over voiced samples, and a clip in which the gate no longer finds speech counts as an "
        "error."
    )
    return f"""
## Noise

{words}

{_loss_table(result, "noise", "by_snr", "clean")}
"""


def _streams(result: Result) -> str:
    parts = []
    if "stream" in result:
        stream = result["stream"]
        low, high = stream["gap_s"]
        rows = [
            [
                result["corpora"][name]["title"],
                f"{result['corpora'][name]['uar']:.3f}",
                f"{own['uar']:.3f}",
                format_interval(own["uar_interval"]),
                one_decimal(own["points_lost"]),
            ]
            for name, own in stream["corpora"].items()
        ]
        words = paragraph(
            f"The same clips in random order through one session, {stream['clips']} at a time with "
            f"{low:g} to {high:g} s of room tone between them."
        )
        header = ["corpus", "UAR clip by clip", "in the stream", "95 %", "points lost"]
        parts += [words, table(header, rows)]
    if result.get("switches", {}).get("corpora"):
        switches = result["switches"]
        rows = [
            [
                result["corpora"][name]["title"],
                str(own["switches"]),
                _percent(own["led"]),
                _percent(own["followed"]),
                delay(own["median_s"], own["followed"]),
            ]
            for name, own in switches["corpora"].items()
        ]
        words = paragraph(
            "One speaker goes from one emotion to another without a pause. Where the label just "
            "ahead was the first emotion (*led*), the delay runs until the second one comes to "
            f"stay for {switches['held_s']:g} s; those in which it never does count as endless."
        )
        header = ["corpus", "switches", "led", "of these followed", "median delay"]
        parts += [words, table(header, rows)]
    return "\n\n".join(["## Long streams", *parts]) if parts else ""


def _percent(share: float | None) -> str:
    return NO_VALUE if share is None else f"{share:.0%}"


def _classes(result: Result) -> str:
    parts = [_class_table(scores) for scores in result["corpora"].values()]
    return "\n\n".join(["## Classes", f"![Confusion matrices]({CONFUSION})", *parts])


def _class_table(scores: Mapping[str, Any]) -> str:
    confusion = scores["confusion"]
    classes = confusion["classes"]
    rows = []
    for name, counts, silent in zip(
        classes, confusion["counts"], confusion["no_answer"], strict=True
    ):
        own = scores["per_class"][name]
        ratios = [f"{own[key]:.3f}" for key in ("recall", "precision", "f1")]
        rows.append([name, *ratios, *(str(count) for count in counts), str(silent)])
    header = ["intended", "recall", "precision", "F1", *classes, "no speech"]
    return f"{scores['title']}, clips by what was predicted:\n\n{table(header, rows)}"


def _calibration(bundle: Bundle, result: Result) -> str:
    rows = []
    for scores in result["corpora"].values():
        own, everything = scores["calibration"], scores["all_classes"]
        rows.append(
            [
                scores["title"],
                *(ratio(own[key]) for key in ("ece", "ece_of_perfect", "nll")),
                ratio(everything["ece"]),
                f"{everything['certain']:.1%}",
                ratio(everything["uar_certain"]),
            ]
        )
    header = ["corpus", "ECE", "ECE if perfect", "NLL", f"ECE, all {len(bundle.labels)}"]
    coverages = list(next(iter(result["corpora"].values()))["coverage"])
    kept = [
        [scores["title"], *(ratio(scores["coverage"].get(share)) for share in coverages)]
        for scores in result["corpora"].values()
    ]
    return f"""
## Whether its confidence can be trusted

Probabilities are calibrated by one temperature ({bundle.manifest.temperature:.3f}), fitted on
validation speakers. The expected calibration error (ECE, 15 bins) stands beside what perfect
calibration would show at this number of clips. An answer is called *certain* from a confidence of
{bundle.manifest.certainty_threshold:.3f}; the last columns judge all classes.

{table([*header, "certain", "UAR of the certain"], rows)}

UAR when only the most confident share of the clips is answered:

{table(["corpus", *(f"{float(share):.0%}" for share in coverages)], kept)}

![Reliability diagrams]({RELIABILITY})
"""


def _speaker_calibration_section(result: Result) -> str:
    if "baseline" not in result:
        return ""
    found = result["baseline"]
    rows = [
        [
            result["corpora"][name]["title"],
            str(own["clips"]),
            str(own["speakers"]),
            *(ratio(own[key]) for key in ("uar", "uar_corrected")),
            points(own["gain"]),
            format_points_interval(own["gain_interval"]),
            *(ratio(own[key]) for key in ("nll", "nll_corrected")),
        ]
        for name, own in found["corpora"].items()
    ]
    header = ["corpus", "clips", "speakers", "UAR", "corrected", "points", "95 %"]
    how = paragraph(
        "`realtime-ser calibrate` listens to a person's normal voice; `--profile` then takes "
        f"{found['strength']:g} of what sets its mean log-probabilities apart from the neutral "
        "speech of many off those of a session, to make up for that voice and that microphone. "
        f"Simulated: {seconds(found['seconds'])} of voice (the median; 20 s where there are so "
        "many) in a speaker's neutral clips correct all of their clips, a neutral one without "
        "itself."
    )
    return f"""
## A personal baseline

{how}

{table([*header, "NLL", "corrected"], rows)}

{paragraph(speaker_calibration_text(found))}
"""


def speaker_calibration_text(found: Mapping[str, Any]) -> str:
    """What the baseline gives test speakers and gave validation speakers."""
    said = found["mean"]
    words = (
        f"Over corpora that is {points(said['gain'])} points of UAR (95 %: "
        f"{format_points_interval(said['gain_interval'])}, paired over speakers)."
    )
    before = found["validation"]
    if before is None:
        offered = "is offered" if found["enabled"] else "is not offered"
        return (
            f"{words} It {offered}: that takes a mean gain of the folds' validation speakers whose "
            f"interval over the folds lies above 0. In {found['enabled_in']} of them it did alone."
        )
    shown = "is offered" if found["enabled"] else "is not offered"
    return (
        f"{words} Validation speakers, who decided, gained {points(before['gain'])} (95 %: "
        f"{format_points_interval(before['gain_interval'])}), so it {shown}: that takes an "
        "interval above 0."
    )


def _groups(result: Result) -> str:
    rows = [
        [
            scores["title"],
            group,
            str(own["clips"]),
            f"{own['uar']:.3f}",
            format_interval(own["uar_interval"]),
        ]
        for scores in result["corpora"].values()
        for by in ("by_sex", "by_intensity")
        for group, own in scores[by].items()
    ]
    rows += [
        [
            join_names(result["corpora"][name]["title"] for name in own["corpora"]),
            language(code),
            str(own["clips"]),
            f"{own['uar']:.3f}",
            NO_VALUE,
        ]
        for code, own in result["by_language"].items()
    ]
    text = ["## Groups and listeners"]
    if rows:
        text.append(table(["corpus", "group", "clips", "UAR", "95 %"], rows, words=2))
        text.append(
            "The UAR of a language is the mean over its corpora; one speaker has no interval."
        )
    text += [
        _listeners(scores, scores["listeners"])
        for scores in result["corpora"].values()
        if "listeners" in scores
    ]
    return "\n\n".join(text) if len(text) > 1 else ""


def _listeners(scores: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    return paragraph(
        f"{scores['title']}: in {said['clips']} of {scores['clips']} clips most listeners to the "
        "voice alone heard one emotion. Against what **they** heard the model has a UAR of "
        f"{said['uar_model_heard']:.3f}; against what was intended it has "
        f"{said['uar_model_intended']:.3f} on these clips, and the listeners themselves "
        f"{said['uar_listeners_intended']:.3f}."
    )
