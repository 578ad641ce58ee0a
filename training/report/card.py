"""The card of a bundle: what it is for, what it must not be used for, and what it is worth."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from realtime_ser.errors import OutputError
from realtime_ser.model import STEP_MODEL, Bundle
from realtime_ser.records import STEP_S
from training.corpora import CORPORA, Corpus
from training.report import figures
from training.report.leaks import leaks
from training.report.tables import table
from training.report.words import NONE, delay, language, listing, ranges, ratio, span, tenth

CARD = "CARD.md"
CONFUSION, RELIABILITY = "confusion.png", "reliability.png"
EARLY, NOISE = "early.png", "noise.png"

Result = Mapping[str, Any]
"""What :func:`training.measure.evaluate.streaming_scores` gives."""


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
    drawn = {
        CONFUSION: figures.confusions(corpora),
        RELIABILITY: figures.reliabilities(corpora),
        EARLY: figures.early_decisions(corpora),
    }
    if "noise" in result:
        drawn[NOISE] = figures.noise_curves(result["noise"], corpora)
    try:
        for name, figure in drawn.items():
            figures.save_png(figure, bundle.folder / name)
        (bundle.folder / CARD).write_text(card_text(bundle, result), encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"The card cannot be written to {bundle.folder} ({error.strerror}); make room or "
            "change its permissions."
        ) from error


def card_text(bundle: Bundle, result: Result) -> str:
    """The card as Markdown."""
    trained = [CORPORA[name] for name in bundle.manifest.corpora if name in CORPORA]
    sections = [
        _head(bundle, result),
        _USE,
        _limits(bundle, trained),
        _LAW,
        _data(bundle, trained, result),
        _method(bundle, result),
        _early(result),
        _noise(result),
        _streams(result),
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
        f"speaks, how the voice sounds: {listing(manifest.labels)}. It hears {features.n_mfcc} "
        f"MFCC between {features.f_min:.0f} and {features.f_max:.0f} Hz and {ahead}; its streaming "
        f"step takes {size:.1f} MB."
    )
    scale = (
        "UAR is the mean recall of the corpus's classes, among which the model chooses; chance is "
        f"one divided by their number. *UAR of {len(manifest.labels)}* is the same when it chooses "
        "among all of its classes, and *absent* how often it then names one that the corpus does "
        "not have. The interval covers 95 % of test sets drawn from these speakers with "
        "replacement: of few speakers, it says little."
    )
    strangers = "" if _leaks(bundle) else " of speakers it has never heard,"
    return f"""
# Model card: {manifest.name} {manifest.version}

{_paragraph(what)}

Recognition{strangers} on acted speech{_copies(result)}:

{summary_table(result)}

{_paragraph(scale)}
"""


_USE = """
## What it is for

- Research and teaching on emotional speech; a look at one's own voice; interviews and experiments
  whose participants know of it and agree to it; prototypes.
- Its answer describes how a voice **sounds**. It is not what somebody feels, and no ground for a
  decision about a person.
"""


def _limits(bundle: Bundle, trained: Sequence[Corpus]) -> str:
    tongues = sorted({language(corpus.language) for corpus in trained})
    spoken = f" in {listing(tongues)}" if tongues else ""
    actors = _bullet(
        f"It learned from **actors** who read given sentences{spoken}, recorded close to the "
        "microphone. Everyday feelings are weaker and mixed, and other languages, ages, accents, "
        "rooms and microphones were not measured: expect less than the table says."
    )
    rare = "".join(
        f"\n- It knows {listing(labels)} from {title} alone: such answers deserve less trust."
        for title, labels in _from_one_corpus(bundle.labels, trained).items()
    )
    return f"""
## What it cannot do

{actors}{rare}
- People do not agree either: listeners to the same voices often hear another emotion than the one
  that was meant (below, where listeners were asked).
- Loud backgrounds, music and several voices at once are heard as if they belonged to the speaker.
- The first half second of speech tells little; see the early decisions.
"""


def _from_one_corpus(
    labels: Sequence[str], trained: Sequence[Corpus]
) -> Mapping[str, Sequence[str]]:
    """Labels that only one of several corpora has, by the corpus's title."""
    alone: defaultdict[str, list[str]] = defaultdict(list)
    for label in labels if len(trained) > 1 else ():
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


_PRETRAINED = """\
The encoder started from BYOL-S, which was trained without labels on AudioSet (Scheidwasser-Clow et
al., ICASSP 2022; MIT licence)."""


def _data(bundle: Bundle, trained: Sequence[Corpus], result: Result) -> str:
    own = [name for name in bundle.manifest.corpora if name not in CORPORA]
    rows = [
        [corpus.title, language(corpus.language), corpus.licence, corpus.source]
        for corpus in trained
    ]
    rows += [[name, NONE, "its owner's", NONE] for name in own]
    withheld = "\n".join(
        _bullet(f"{scores['title']}: speakers {listing(ranges(scores['speakers'], ' to '))}")
        for name, scores in result["corpora"].items()
        if name in bundle.manifest.corpora
    )
    unseen = [
        scores["title"]
        for name, scores in result["corpora"].items()
        if name not in bundle.manifest.corpora
    ]
    strange = f"Nothing of {listing(unseen)} was heard in training." if unseen else ""
    recipe = bundle.manifest.recipe
    changes = "".join(f" with `{change}`" for change in recipe.get("changes", ()))
    apart = (
        f" No speaker of the test took part; nothing was fitted to them or chosen by them"
        f"{':' if withheld else '.'}"
    )
    made = _paragraph(
        f"The recipe is `{recipe['name']}`{changes} (fold {recipe['fold']}, seed "
        f"{recipe['seed']}).{'' if _leaks(bundle) else apart}"
    )
    withheld = "" if _leaks(bundle) else withheld
    start = _PRETRAINED if _pretrained(bundle) else ""
    learned = "\n\n".join(part for part in (made, withheld, strange, start) if part)
    return f"""
## What it learned from

{table(["corpus", "language", "licence", "source"], rows, words=4)}

{learned}

{_terms(trained, own)}
"""


def _terms(trained: Sequence[Corpus], own: Sequence[str]) -> str:
    bound = [corpus.title for corpus in trained if not corpus.commercial]
    owners = f" What {listing(own)} may be used for, its owner says." if own else ""
    if not bound:
        free = listing(corpus.title for corpus in trained) if trained else ""
        words = f"{free} may be used commercially, under the given terms." if free else ""
        return _paragraph((words + owners).strip())
    return _paragraph(
        f"{listing(bound)} may be used for research or non-commercial purposes only. Whether that "
        "binds weights learned from recordings is not settled: **treat these weights as "
        "non-commercial**. The program around them is free under its own licence, and can be "
        f"trained on corpora that allow more.{owners}"
    )


def _settings(bundle: Bundle) -> Mapping[str, Any]:
    """The whole recipe, as far as the bundle tells it."""
    settings: Mapping[str, Any] = bundle.manifest.recipe.get("settings", {})
    return settings


def _pretrained(bundle: Bundle) -> bool:
    """Whether the encoder started from BYOL-S."""
    return bool(_settings(bundle).get("encoder", {}).get("pretrained"))


def _leaks(bundle: Bundle) -> list[str]:
    settings = _settings(bundle)
    return leaks(settings) if settings else []


def _method(bundle: Bundle, result: Result) -> str:
    leaked = " ".join(_leaks(bundle))
    speakers = _bullet(
        f"**Not a measure of strangers.** {leaked}"
        if leaked
        else "By speaker: no test speaker was heard in training."
    )
    return f"""
## How it was measured

- As it runs live: each clip goes through the resampler, the speech gate and the streaming model of
  the program, and a clip's answer is that of its speech segments, averaged by voiced duration.
{speakers}
- Among the classes that a corpus has, as `realtime-ser analyze --classes` answers; beside it, among
  all {len(bundle.labels)}.
- A clip in which the gate finds no speech counts as an error (column "no speech").
{_container(result)}{_offline(result)}
"""


def _offline(result: Result) -> str:
    if "offline" not in result:
        return ""
    beside = result["offline"]["corpora"]
    values = listing(
        f"{own['uar']:.3f} on {result['corpora'][name]['title']}" for name, own in beside.items()
    )
    equal = min(own["equal_labels"] for own in beside.values())
    gap = max(own["largest_difference"] for own in beside.values())
    clips = "every clip" if equal == 1 else f"{equal:.1%} of the clips or more"
    return "\n" + _bullet(
        f"The training graph over whole segments (offline) has a UAR of {values}: the stream gives "
        f"the same label to {clips}, and probabilities differ by {gap:.1e} at most."
    )


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


def _noise(result: Result) -> str:
    if "noise" not in result:
        return ""
    noise = result["noise"]
    rows = []
    for name, own in noise["corpora"].items():
        cells = [result["corpora"][name]["title"], f"{result['corpora'][name]['uar']:.3f}"]
        for at in own["by_snr"].values():
            cells += [f"{at['uar']:.3f}", tenth(at["points_lost"])]
        rows.append(cells)
    header = ["corpus", "clean"]
    for ratio_db in noise["points_lost"]:
        header += [f"{ratio_db} dB", "lost"]
    words = _paragraph(
        f"UAR with noise under each clip, and the points it loses. Kinds of noise: "
        f"{listing(noise['kinds'])}; none of them trains. The signal-to-noise ratio is that over "
        "voiced samples, and a clip in which the gate no longer finds speech counts as an error."
    )
    return f"""
## Noise

{words}

{table(header, rows)}

![UAR against the signal-to-noise ratio]({NOISE})
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
                span(own["uar_interval"]),
                tenth(own["points_lost"]),
            ]
            for name, own in stream["corpora"].items()
        ]
        words = _paragraph(
            f"The same clips in random order through one session, {stream['clips']} at a time with "
            f"{low:g} to {high:g} s of room tone between them:"
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
        words = _paragraph(
            "One speaker goes from one emotion to another without a pause. Where the label just "
            "ahead was the first emotion (*led*), the delay runs until the second one comes to "
            f"stay for {switches['held_s']:g} s; those in which it never does count as endless:"
        )
        header = ["corpus", "switches", "led", "of these followed", "median delay"]
        parts += [words, table(header, rows)]
    return "\n\n".join(["## Long streams", *parts]) if parts else ""


def _percent(share: float | None) -> str:
    return NONE if share is None else f"{share:.0%}"


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
        [
            scores["title"],
            group,
            str(own["clips"]),
            f"{own['uar']:.3f}",
            span(own.get("uar_interval")),
        ]
        for scores in result["corpora"].values()
        for by in ("by_sex", "by_intensity")
        for group, own in scores[by].items()
    ]
    rows += [
        [
            listing(result["corpora"][name]["title"] for name in own["corpora"]),
            language(code),
            str(own["clips"]),
            f"{own['uar']:.3f}",
            NONE,
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
    return _paragraph(
        f"{scores['title']}: in {said['clips']} of {scores['clips']} clips most listeners to the "
        "voice alone heard one emotion. Against what **they** heard the model has a UAR of "
        f"{said['uar_model_heard']:.3f}; against what was intended it has "
        f"{said['uar_model_intended']:.3f} on these clips, and the listeners themselves "
        f"{said['uar_listeners_intended']:.3f}."
    )


def _commands(bundle: Bundle, result: Result) -> str:
    recipe = bundle.manifest.recipe
    run = (
        f"realtime-ser-train run {recipe['name']} --folds {recipe['fold']} --seed {recipe['seed']}"
    )
    run += "".join(f" --set {change}" for change in recipe.get("changes", ()))
    teacher = _pretrained(bundle)
    lines = [
        "# train, export and measure" + ("; TEACHER is byol_s_512.npz" if teacher else ""),
        f"{run} --corpora CORPORA" + (" --teacher TEACHER" if teacher else ""),
        "# every number of this card, from this bundle",
        "realtime-ser-train evaluate BUNDLE --corpora CORPORA --write",
    ]
    known = {name: scores for name, scores in result["corpora"].items() if name in CORPORA}
    if known:
        lines += ["# in bash: look into folders as well", "shopt -s globstar nullglob"]
    for name, scores in known.items():
        lines += [
            f"# the labels behind the UAR of {scores['title']}, in {name}/summary.csv",
            f"realtime-ser analyze --classes {','.join(scores['confusion']['classes'])} \\",
            f"  --model BUNDLE --out {name} CORPORA/{name}/**/{_files(name, scores)}",
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


def _files(corpus: str, scores: Mapping[str, Any]) -> str:
    """Shell pattern of the speakers' files, as they were measured or as they are given."""
    names = [f"{{{name}}}" if ".." in name else name for name in ranges(scores["speakers"], "..")]
    formats = sorted({"wav", *scores["formats"]})
    stem = CORPORA[corpus].files.removesuffix(".*").replace("{speaker}", _any_of(names))
    return f"{stem}.{_any_of(formats)}"


def _any_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{{{','.join(names)}}}"


def _bullet(text: str) -> str:
    return textwrap.fill(
        text,
        100,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)


def _opus(result: Result) -> tuple[int, int]:
    """How many clips are Opus copies, and how many there are."""
    corpora = result["corpora"].values()
    return sum(c["opus_copies"] for c in corpora), sum(c["clips"] for c in corpora)


def _copies(result: Result) -> str:
    return " (Opus copies of the corpora)" if _opus(result)[0] else ""
