"""The card of a bundle: what it is for, what it must not be used for, and what it is worth."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from realtime_ser.errors import OutputError
from realtime_ser.model import STEP_MODEL, Bundle
from realtime_ser.records import STEP_S
from training.corpora import CORPORA, Corpus
from training.report.figures import draw_confusions, draw_early, draw_reliability
from training.report.tables import table

CARD = "CARD.md"
CONFUSION, RELIABILITY, EARLY = "confusion.png", "reliability.png", "early.png"

Result = Mapping[str, Any]
"""What :func:`training.measure.evaluate.scores` gives."""

_LANGUAGES = {"en": "English", "de": "German", "pl": "Polish"}


def summary_table(result: Result) -> str:
    """One row a corpus: the figures one asks for first."""
    rows = []
    for scores in result["corpora"].values():
        low, high = scores["uar_interval"]
        everything = scores["all_classes"]
        rows.append(
            [
                scores["title"],
                str(len(scores["confusion"]["classes"])),
                str(scores["clips"]),
                str(len(scores["speakers"])),
                f"{scores['uar']:.3f}",
                f"{low:.3f} to {high:.3f}",
                f"{scores['accuracy']:.3f}",
                f"{scores['macro_f1']:.3f}",
                f"{everything['uar']:.3f}",
                f"{everything['absent']:.1%}",
                str(scores["without_speech"]),
            ]
        )
    header = ["corpus", "classes", "clips", "speakers", "UAR", "95 %", "accuracy", "macro-F1"]
    return table([*header, "UAR of 8", "absent", "no speech"], rows)


def write_card(bundle: Bundle, result: Result) -> None:
    """Write ``CARD.md`` and its figures into a bundle's folder.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    corpora = result["corpora"]
    try:
        draw_confusions(corpora, bundle.folder / CONFUSION)
        draw_reliability(corpora, bundle.folder / RELIABILITY)
        draw_early(corpora, bundle.folder / EARLY)
        (bundle.folder / CARD).write_text(card_text(bundle, result), encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"The card cannot be written to {bundle.folder} ({error.strerror}); make room or "
            "change its permissions."
        ) from error


def card_text(bundle: Bundle, result: Result) -> str:
    """The card as Markdown."""
    trained = [CORPORA[name] for name in bundle.manifest.corpora]
    sections = [
        _head(bundle, result),
        _USE,
        _limits(bundle, trained),
        _LAW,
        _data(bundle, trained, result),
        _method(bundle, result),
        _early(result),
        _classes(result),
        _calibration(bundle, result),
        _groups(result),
        _commands(bundle, result),
    ]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


# ---------------------------------------------------------------------------------------- sections


def _head(bundle: Bundle, result: Result) -> str:
    manifest = bundle.manifest
    size = (bundle.folder / STEP_MODEL).stat().st_size / 1e6
    look = manifest.look_ahead_ms
    ahead = f"looks {look:g} ms ahead" if look else "does not look ahead"
    features = manifest.features
    what = (
        f"A causal CNN with a stateful LSTM that says, every {1000 * STEP_S:.0f} ms while somebody "
        f"speaks, how the voice sounds: {_listing(manifest.labels)}. It hears {features.n_mfcc} "
        f"MFCC between {features.f_min:.0f} and {features.f_max:.0f} Hz and {ahead}; its streaming "
        f"step takes {size:.1f} MB."
    )
    return f"""
# Model card: {manifest.name} {manifest.version}

{_paragraph(what)}

Recognition of speakers it has never heard, on acted speech{_copies(result)}:

{summary_table(result)}

UAR is the mean recall of the corpus's classes, among which the model chooses; chance is one divided
by their number. *UAR of 8* is the same when it chooses among all of its classes, and *absent* how
often it then names one that the corpus does not have. The interval covers 95 % of test sets drawn
from these speakers with replacement: of few speakers, it says little.
"""


_USE = """
## What it is for

- Research and teaching on emotional speech; a look at one's own voice; interviews and experiments
  whose participants know of it and agree to it; prototypes.
- Its answer describes how a voice **sounds**. It is not what somebody feels, and no ground for a
  decision about a person.
"""


def _limits(bundle: Bundle, trained: Sequence[Corpus]) -> str:
    languages = _listing(sorted({_LANGUAGES[corpus.language] for corpus in trained}))
    rare = "".join(
        f"\n- It knows {_listing(labels)} from {title} alone: such answers deserve less trust."
        for title, labels in _from_one_corpus(bundle.labels, trained).items()
    )
    return f"""
## What it cannot do

- It learned from **actors** who read given sentences in {languages}, recorded close to the
  microphone. Everyday feelings are weaker and mixed, and other languages, ages, accents, rooms and
  microphones were not measured: expect less than the table says.{rare}
- People do not agree either: listeners to the same voices often hear another emotion than the one
  that was meant (below, where listeners were asked).
- Loud backgrounds, music and several voices at once are heard as if they belonged to the speaker.
- The first half second of speech tells little; see the early decisions.
"""


def _from_one_corpus(
    labels: Sequence[str], trained: Sequence[Corpus]
) -> Mapping[str, Sequence[str]]:
    """Labels that only one corpus has, by the corpus's title."""
    alone: defaultdict[str, list[str]] = defaultdict(list)
    for label in labels:
        sources = [corpus.title for corpus in trained if label in corpus.labels]
        if len(sources) == 1:
            alone[sources[0]].append(f"*{label}*")
    return alone


_LAW = """
## What the law says

The EU AI Act (Regulation (EU) 2024/1689) forbids inferring emotions of people at **work** and in
**education**, except for medical or safety reasons (Article 5(1)(f)). Elsewhere, people who are
exposed to such a system must be told (Article 50(3)), and voices are personal data. This is a
pointer, not legal advice.
"""


def _data(bundle: Bundle, trained: Sequence[Corpus], result: Result) -> str:
    rows = [
        [corpus.title, _LANGUAGES[corpus.language], corpus.licence, corpus.source]
        for corpus in trained
    ]
    withheld = "\n".join(
        f"- {scores['title']}: speakers {_listing(_ranges(scores['speakers'], ' to '))}"
        for name, scores in result["corpora"].items()
        if name in bundle.manifest.corpora
    )
    unseen = [
        scores["title"]
        for name, scores in result["corpora"].items()
        if name not in bundle.manifest.corpora
    ]
    strange = f"\n\nNothing of {_listing(unseen)} was heard in training." if unseen else ""
    recipe = bundle.manifest.recipe
    return f"""
## What it learned from

{table(["corpus", "language", "licence", "source"], rows, words=4)}

The recipe is `{recipe["name"]}` (joint fold {recipe["fold"]}, seed {recipe["seed"]}). All
speakers took part but those of the test; nothing was fitted to these or chosen by them:

{withheld}{strange}

The encoder started from BYOL-S, which was trained without labels on AudioSet (Scheidwasser-Clow et
al., ICASSP 2022; MIT licence).

{_terms(trained)}
"""


def _terms(trained: Sequence[Corpus]) -> str:
    bound = [corpus.title for corpus in trained if not corpus.commercial]
    if not bound:
        return "All of these corpora may be used commercially, under their terms."
    return _paragraph(
        f"{_listing(bound)} may be used for research or non-commercial purposes only. Whether that "
        "binds weights learned from recordings is not settled: **treat these weights as "
        "non-commercial**. The program around them is free under its own licence, and can be "
        "trained on corpora that allow more."
    )


def _method(bundle: Bundle, result: Result) -> str:
    return f"""
## How it was measured

- As it runs live: each clip goes through the resampler, the speech gate and the streaming model of
  the program, and a clip's answer is that of its speech segments, averaged by voiced duration.
- By speaker: no test speaker was heard in training.
- Among the classes that a corpus has, as `realtime-ser analyze --classes` answers; beside it, among
  all {len(bundle.labels)}.
- A clip in which the gate finds no speech counts as an error (column "no speech").
{_container(result)}
"""


def _container(result: Result) -> str:
    opus, clips = _opus(result)
    if not opus:
        return "- On the recordings as their corpora give them."
    which = "" if opus == clips else f" for {opus} of the {clips} clips"
    return f"- **Measured on Opus copies of the corpora**{which}; the originals are lossless."


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
                *(_number(own[key]) for key in ("ece", "ece_of_perfect", "nll")),
                _number(everything["ece"]),
                f"{everything['certain']:.1%}",
                _number(everything["uar_certain"]),
            ]
        )
    header = ["corpus", "ECE", "ECE if perfect", "NLL", "ECE, all 8"]
    return f"""
## Whether its confidence can be trusted

Probabilities are calibrated by one temperature ({bundle.manifest.temperature:.3f}), fitted on
validation speakers. The expected calibration error (ECE, 15 bins) stands beside what perfect
calibration would show at this number of clips. An answer is called *certain* from a confidence of
{bundle.manifest.certainty_threshold:.3f}; the last columns judge all classes.

{table([*header, "certain", "UAR of the certain"], rows)}

![Reliability diagrams]({RELIABILITY})
"""


def _groups(result: Result) -> str:
    rows = [
        [scores["title"], group, str(figures["clips"]), f"{figures['uar']:.3f}"]
        for scores in result["corpora"].values()
        for by in ("by_sex", "by_intensity")
        for group, figures in scores[by].items()
    ]
    text = ["## Groups and listeners"]
    if rows:
        text.append(table(["corpus", "group", "clips", "UAR"], rows, words=2))
    text += [
        _listeners(scores, scores["listeners"])
        for scores in result["corpora"].values()
        if "listeners" in scores
    ]
    return "\n\n".join(text) if len(text) > 1 else ""


def _listeners(scores: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    return _paragraph(
        f"{scores['title']}: in {said['clips']} of {scores['clips']} clips most listeners to the "
        "voice alone heard one emotion. Against what **they** heard the model has a UAR of "
        f"{said['uar_model_heard']:.3f}; against what was intended it has "
        f"{said['uar_model_intended']:.3f} on these clips, and the listeners themselves "
        f"{said['uar_listeners_intended']:.3f}."
    )


def _commands(bundle: Bundle, result: Result) -> str:
    recipe = bundle.manifest.recipe["name"]
    lines = [
        "# train, export and measure; TEACHER is byol_s_512.npz",
        f"realtime-ser-train run {recipe} --corpora CORPORA --teacher TEACHER",
        "# every number of this card, from this bundle",
        "realtime-ser-train evaluate BUNDLE --corpora CORPORA --write",
    ]
    for name, scores in result["corpora"].items():
        lines += [
            f"# the labels behind the UAR of {scores['title']}, in {name}/summary.csv",
            f"realtime-ser analyze --classes {','.join(scores['confusion']['classes'])} \\",
            f"  --model BUNDLE --out {name} CORPORA/{name}/{_files(name, scores['speakers'])}",
        ]
    return "\n".join(
        [
            "## The commands that give these numbers",
            "",
            "`CORPORA` is the folder of the corpora, `BUNDLE` the one of this card.",
            "",
            "```sh",
            *lines,
            "```",
        ]
    )


# ------------------------------------------------------------------------------------------- words


def _listing(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _ranges(names: Sequence[str], between: str) -> list[str]:
    """Sorted names, three or more numbers in a row as their first and last."""
    runs: list[list[str]] = []
    for name in names:
        follows = name.isdecimal() and runs and runs[-1][-1].isdecimal()
        if follows and int(name) == int(runs[-1][-1]) + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    pieces = [[f"{run[0]}{between}{run[-1]}"] if len(run) > 2 else run for run in runs]
    return [name for piece in pieces for name in piece]


def _files(corpus: str, speakers: Sequence[str]) -> str:
    """Shell pattern of the speakers' files."""
    names = [f"{{{name}}}" if ".." in name else name for name in _ranges(speakers, "..")]
    several = names[0] if len(names) == 1 else f"{{{','.join(names)}}}"
    return CORPORA[corpus].files.replace("{speaker}", several)


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _opus(result: Result) -> tuple[int, int]:
    """How many clips are Opus copies, and how many there are."""
    corpora = result["corpora"].values()
    return sum(c["opus_copies"] for c in corpora), sum(c["clips"] for c in corpora)


def _copies(result: Result) -> str:
    return " (Opus copies of the corpora)" if _opus(result)[0] else ""
