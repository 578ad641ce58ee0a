"""The card of a bundle: what it is for, what it must not be used for, and what it is worth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

from realtime_ser.base.files import write_whole, writing
from realtime_ser.base.records import STEP_S
from realtime_ser.recogniser.bundle import STEP_MODEL, Bundle
from training.corpora import CORPORA, Corpus, title
from training.recipe import run_title
from training.report import figures
from training.report.card_results import (
    CONFUSION,
    EARLY,
    NOISE,
    RELIABILITY,
    Result,
    measured,
)
from training.report.formatting import (
    NO_VALUE,
    bullet,
    compact_ranges,
    format_interval,
    join_names,
    language,
    paragraph,
    ratio,
)
from training.report.leaks import leaks
from training.tables import table

CARD = "CARD.md"


def summary_table(result: Result) -> str:
    """One row a corpus: the figures one asks for first."""
    rows = []
    for scores in result["corpora"].values():
        everything = scores["all_classes"]
        rows.append(
            [
                scores["title"],
                str(len(scores["confusion"]["classes"])),
                str(scores["clips"]),
                str(len(scores["speakers"])),
                f"{scores['uar']:.3f}",
                format_interval(scores["uar_interval"]),
                f"{scores['accuracy']:.3f}",
                f"{scores['macro_f1']:.3f}",
                f"{everything['uar']:.3f}",
                f"{everything['absent']:.1%}",
                str(scores["without_speech"]),
            ]
        )
    header = ["corpus", "classes", "clips", "speakers", "UAR", "95 %", "accuracy", "macro-F1"]
    return table([*header, "UAR of all", "absent", "no speech"], rows)


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
    path, advice = bundle.folder / CARD, "make room or change the folder's permissions"
    with writing(path, advice):
        for name, figure in drawn.items():
            figures.save_png(figure, bundle.folder / name)
    write_whole(path, card_text(bundle, result), advice)


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
        *measured(bundle, result),
        _commands(bundle, result),
    ]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


# ---------------------------------------------------------------------------------------- sections


def _head(bundle: Bundle, result: Result) -> str:
    manifest = bundle.manifest
    size = (bundle.folder / STEP_MODEL).stat().st_size / 1e6
    ahead_ms = manifest.look_ahead_ms
    ahead = f"looks {ahead_ms:g} ms ahead" if ahead_ms else "does not look ahead"
    features = manifest.features
    overview = (
        f"A causal CNN with {_heads(bundle)} that says, every {1000 * STEP_S:.0f} ms while "
        f"somebody speaks, how the voice sounds: {join_names(manifest.labels)}. It hears "
        f"{features.n_mfcc} MFCC between {features.f_min:.0f} and {features.f_max:.0f} Hz and "
        f"{ahead}; its streaming step takes {size:.1f} MB."
    )
    scale = (
        "UAR is the mean recall of the corpus's classes, among which the model chooses; chance is "
        "one divided by their number. *UAR of all* is the same when it chooses "
        "among all of its classes, and *absent* how often it then names one that the corpus does "
        "not have. The interval covers 95 % of test sets drawn from these speakers with "
        "replacement: of few speakers, it says little."
    )
    unseen_note = "" if _leaks(bundle) else " of speakers it has never heard,"
    return f"""
# Model card: {manifest.name} {manifest.version}

{paragraph(overview)}

Recognition{unseen_note} on acted speech{_copies(result)}:

{summary_table(result)}

{paragraph(scale)}
{_folds(result)}"""


def _heads(bundle: Bundle) -> str:
    """What stands behind the CNN."""
    shape = _settings(bundle).get("architecture", {})
    heads = ["a stateful LSTM"] if shape.get("heads", 1) else []
    heads += ["running statistics of its last layers"] if shape.get("statistics_heads") else []
    return join_names(heads)


def _folds(result: Result) -> str:
    """Each fold's UAR, and their mean, by corpus."""
    if "folds" not in result:
        return ""
    folds, means = result["folds"], result["mean_of_folds"]
    rows = [
        [
            result["corpora"][name]["title"],
            *(ratio(own.get(name)) for own in folds.values()),
            f"{mean:.3f}",
        ]
        for name, mean in means.items()
    ]
    return f"""
UAR of each fold's model on the speakers it had not heard, and their mean:

{table(["corpus", *(f"fold {number}" for number in folds), "mean"], rows)}
"""


_USE = """
## What it is for

- Research and teaching on emotional speech; a look at one's own voice; interviews and experiments
  whose participants know of it and agree to it; prototypes.
- Its answer describes how a voice **sounds**. It is not what somebody feels, and no ground for a
  decision about a person.
"""


def _limits(bundle: Bundle, trained: Sequence[Corpus]) -> str:
    languages = sorted({language(corpus.language) for corpus in trained})
    spoken = f" in {join_names(languages)}" if languages else ""
    actors = bullet(
        f"It learned from **actors** who read given sentences{spoken}, recorded close to the "
        "microphone. Everyday feelings are weaker and mixed, and other languages, ages, accents, "
        "rooms and microphones were not measured: expect less than the table says."
    )
    rare = "".join(
        f"\n- It knows {join_names(labels)} from {title} alone: such answers deserve less trust."
        for title, labels in _from_one_corpus(bundle.labels, trained).items()
    )
    return f"""
## What it cannot do

{actors}{rare}
- People do not agree either: listeners to the same voices often hear another emotion than the one
  that was meant (below, where listeners were asked).
- It knows the levels of these recordings and those around them: speech that comes much louder or
  quieter through a microphone is judged worse.
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


_PRETRAINED = (
    "The encoder started from BYOL-S, which was trained without labels on AudioSet "
    "(Scheidwasser-Clow et al., ICASSP 2022; MIT licence)."
)


def _encoder(bundle: Bundle) -> str:
    """Where the encoder comes from."""
    start = _parent_of(bundle)
    if not _pretrained(bundle):
        return ""
    if not start:
        return paragraph(_PRETRAINED)
    corpus_titles = join_names(map(title, start["corpora"]))
    return paragraph(
        f"{_PRETRAINED} It comes from a run of the recipe `{start['name']}` (fold {start['fold']}, "
        f"seed {start['seed']}), which learned from voices of {corpus_titles}."
    )


def _data(bundle: Bundle, trained: Sequence[Corpus], result: Result) -> str:
    own = [name for name in bundle.manifest.corpora if name not in CORPORA]
    unlabelled = _unlabelled(bundle)
    rows = [
        [corpus.title, language(corpus.language), corpus.licence, corpus.source]
        for corpus in (*trained, *unlabelled)
    ]
    rows += [[name, NO_VALUE, "its owner's", NO_VALUE] for name in own]
    withheld = _withheld(bundle, result)
    unseen = [
        scores["title"]
        for name, scores in result["corpora"].items()
        if name not in bundle.manifest.corpora
    ]
    strange = f"Nothing of {join_names(unseen)} was heard in training." if unseen else ""
    learned = "\n\n".join(
        part for part in (_provenance(bundle, result), withheld, strange, _encoder(bundle)) if part
    )
    return f"""
## What it learned from

{table(["corpus", "language", "licence", "source"], rows, words=4)}

{learned}

{_terms([*trained, *unlabelled], own)}
"""


def _withheld(bundle: Bundle, result: Result) -> str:
    """Test speakers of the corpora that trained, as a list."""
    if _leaks(bundle) or "folds" in result:
        return ""
    return "\n".join(
        bullet(
            f"{scores['title']}: speakers {join_names(compact_ranges(scores['speakers'], ' to '))}"
        )
        for name, scores in result["corpora"].items()
        if name in bundle.manifest.corpora
    )


def _provenance(bundle: Bundle, result: Result) -> str:
    """Recipe, fold and seed, and who took no part."""
    recipe = bundle.manifest.recipe
    changes = "".join(f" with `{change}`" for change in recipe.get("changes", ()))
    if "folds" in result:
        count = len(result["folds"])
        return paragraph(
            f"The recipe is `{recipe['name']}`{changes} (seed {recipe['seed']}). **Every speaker "
            f"of these corpora trained this model.** The numbers of this card are those of {count} "
            "others of the same recipe, each of which was tested on speakers of whom it had heard "
            "nothing; temperature, threshold and the baseline's strength are the medians of those "
            "models', which chose them by speakers kept out of both."
        )
    apart = (
        " No speaker of the test took part; nothing was fitted to them or chosen by them"
        f"{':' if _withheld(bundle, result) else '.'}"
    )
    return paragraph(
        f"The recipe is `{recipe['name']}`{changes} (fold {recipe['fold']}, seed "
        f"{recipe['seed']}).{'' if _leaks(bundle) else apart}"
    )


def _terms(trained: Sequence[Corpus], own: Sequence[str]) -> str:
    bound = [corpus.title for corpus in trained if not corpus.commercial]
    owners = f" What {join_names(own)} may be used for, its owner says." if own else ""
    if not bound:
        free = join_names(corpus.title for corpus in trained) if trained else ""
        words = f"{free} may be used commercially, under the given terms." if free else ""
        return paragraph((words + owners).strip())
    return paragraph(
        f"{join_names(bound)} may be used for research or non-commercial purposes only. Whether "
        "that binds weights learned from recordings is not settled: **treat these weights as "
        "non-commercial**. The program around them is free under its own licence, and can be "
        f"trained on corpora that allow more.{owners}"
    )


def _settings(bundle: Bundle) -> Mapping[str, Any]:
    """The whole recipe, as far as the bundle tells it."""
    settings: Mapping[str, Any] = bundle.manifest.recipe.get("settings", {})
    return settings


def _parent_of(bundle: Bundle) -> Mapping[str, Any]:
    """What the bundle says of the run that its weights came from; empty without one."""
    return bundle.manifest.recipe.get("start") or {}


def _pretrained(bundle: Bundle) -> bool:
    """Whether the encoder started from BYOL-S, in this run or in the one it came from."""
    own = _settings(bundle).get("encoder", {}).get("pretrained")
    return bool(own or _parent_of(bundle).get("pretrained"))


def _unlabelled(bundle: Bundle) -> list[Corpus]:
    """Corpora that only the encoder learned from, in the run that it came from."""
    return [
        CORPORA[name]
        for name in _parent_of(bundle).get("corpora", ())
        if name in CORPORA and name not in bundle.manifest.corpora
    ]


def _leaks(bundle: Bundle) -> list[str]:
    settings = _settings(bundle)
    return leaks(settings) if settings else []


def _method(bundle: Bundle, result: Result) -> str:
    leaked = " ".join(_leaks(bundle))
    tested = " of the model that was tested" if "folds" in result else ""
    speakers = bullet(
        f"**Not a measure of strangers.** {leaked}"
        if leaked
        else f"By speaker: no test speaker was heard in training{tested}."
    )
    return f"""
## How it was measured

- As it runs live: each clip goes through the resampler, the speech gate and the streaming model of
  the program, and a clip's answer is that of its speech segments, averaged by voiced duration.
{speakers}
- Among the classes that a corpus has, as `realtime-ser analyze --classes` answers; beside it, among
  all {len(bundle.labels)}.
- A clip in which the gate finds no speech counts as an error (column "no speech").
{_recording_format(result)}{_offline(result)}
"""


def _offline(result: Result) -> str:
    if "offline" not in result:
        return ""
    beside = result["offline"]["corpora"]
    values = join_names(
        f"{own['uar']:.3f} on {result['corpora'][name]['title']}" for name, own in beside.items()
    )
    equal = min(own["equal_labels"] for own in beside.values())
    gap = max(own["largest_difference"] for own in beside.values())
    clips = "every clip" if equal == 1 else f"{equal:.1%} of the clips or more"
    return "\n" + bullet(
        f"The training graph over whole segments (offline) has a UAR of {values}: the stream gives "
        f"the same label to {clips}, and probabilities differ by {gap:.1e} at most."
    )


def _recording_format(result: Result) -> str:
    opus, clips = _opus(result)
    if not opus:
        return "- On the recordings as their corpora give them."
    which = "" if opus == clips else f" for {opus} of the {clips} clips"
    return f"- **Measured on Opus copies of the corpora**{which}; the originals are lossless."


def _commands(bundle: Bundle, result: Result) -> str:
    lines = _training_commands(bundle, result)
    known = {name: scores for name, scores in result["corpora"].items() if name in CORPORA}
    if "folds" in result:
        known = {}  # this very model has heard their speakers
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


def _training_commands(bundle: Bundle, result: Result) -> list[str]:
    """The commands that train and measure."""
    recipe, start = bundle.manifest.recipe, _parent_of(bundle)
    teacher = " --teacher TEACHER" if _pretrained(bundle) else ""
    lines = ["# train, export and measure" + ("; TEACHER is byol_s_512.npz" if teacher else "")]
    parent = ""
    if start:
        lines.append(f"{_run_command(start)} --corpora CORPORA{teacher}")
        folder = run_title(start["name"], start["changes"])
        parent = f" --from runs/{folder}-fold{start['fold']}-seed{start['seed']}"
    own = "" if start else teacher
    if "folds" not in result:
        return [
            *lines,
            f"{_run_command(recipe)} --corpora CORPORA{own}{parent}",
            "# every number of this card, from this bundle",
            "realtime-ser-train evaluate BUNDLE --corpora CORPORA --write",
        ]
    folder = run_title(recipe["name"], recipe.get("changes", ()))
    folds = f"runs/{folder}-fold?-seed{recipe['seed']}"
    return [
        *lines,
        f"{_run_command({**recipe, 'fold': 'all'})} --brief --corpora CORPORA{own}{parent}",
        f"realtime-ser-train everybody {folds} --corpora CORPORA{own}",
        "# every number of this card, from the folds' models",
        f"realtime-ser-train evaluate BUNDLE --folds {folds} --corpora CORPORA --write",
    ]


def _run_command(recipe: Mapping[str, Any]) -> str:
    """The command that runs a recipe."""
    folds = f"--folds {recipe['fold']} --seed {recipe['seed']}"
    changes = "".join(f" --set {quote(change)}" for change in recipe.get("changes", ()))
    return f"realtime-ser-train run {recipe['name']} {folds}{changes}"


# ------------------------------------------------------------------------------------------- words


def _files(corpus: str, scores: Mapping[str, Any]) -> str:
    """Shell pattern of the speakers' files, as they were measured or as they are given."""
    names = [
        f"{{{name}}}" if ".." in name else name for name in compact_ranges(scores["speakers"], "..")
    ]
    formats = sorted({"wav", *scores["formats"]})
    stem = CORPORA[corpus].files.removesuffix(".*").replace("{speaker}", _any_of(names))
    return f"{stem}.{_any_of(formats)}"


def _any_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{{{','.join(names)}}}"


def _opus(result: Result) -> tuple[int, int]:
    """How many clips are Opus copies, and how many there are."""
    corpora = result["corpora"].values()
    return sum(c["opus_copies"] for c in corpora), sum(c["clips"] for c in corpora)


def _copies(result: Result) -> str:
    return " (Opus copies of the corpora)" if _opus(result)[0] else ""
