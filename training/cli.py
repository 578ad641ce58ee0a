"""Command line of the training module: ``realtime-ser-train``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.files import write_whole
from realtime_ser.base.machine import usable_cores
from realtime_ser.base.quiet import silence_stderr
from training.job import Workload
from training.run_folder import CACHE, REPORT

Action = Callable[[argparse.Namespace], int | None]

_EVERYBODY = "everybody"
"""Earlier name of ``all-speakers``, which the cards of shipped models print."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; errors are one sentence on standard error.

    Returns
    -------
    int
        0 done, 1 the work failed, 2 the command line or the recipe is wrong.
    """
    options = _parser().parse_args(arguments)
    options.arguments = tuple(sys.argv[1:] if arguments is None else arguments)
    try:
        code: int | None = options.run(options)
    except SerError as error:
        if options.debug:
            raise
        print(f"realtime-ser-train: error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on from here.", file=sys.stderr)
        return 130
    return code or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="realtime-ser-train", description="Make and measure speech-emotion models."
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(
        title="commands", required=True, dest="command", metavar="COMMAND"
    )

    corpora = _command(commands, "corpora", _corpora, "show which corpora are there")
    _add_corpora(corpora)
    corpora.add_argument("--how", metavar="NAME", help="where a corpus comes from, and its layout")

    run = _command(commands, "run", _run, "train, export and measure a recipe")
    _add_recipe(run)
    run.add_argument("--folds", default="1", help="1,2,... or all (default: %(default)s)")
    run.add_argument("--seed", default="0", help="0,1,... (default: %(default)s)")
    run.add_argument(
        "--at-once",
        type=int,
        default=1,
        metavar="N",
        help="make up to so many runs at once, as memory allows (default: %(default)s)",
    )
    _add_brief(run)

    words = "search for better settings of a recipe, by validation speakers alone"
    sweep = _command(commands, "sweep", _sweep, words)
    _add_recipe(sweep)
    sweep.add_argument("space", type=Path, help="YAML file of the settings to try")
    sweep.add_argument("--trials", type=int, default=30, help="in all (default: %(default)s)")
    sweep.add_argument("--fold", type=int, default=1, help="of the split (default: %(default)s)")
    sweep.add_argument("--seed", type=int, default=0, help="of trials and search")

    words = "train the model of a recipe's folds on all speakers"
    all_speakers = _command(commands, "all-speakers", _all_speakers, words, aliases=[_EVERYBODY])
    all_speakers.add_argument(
        "folds", nargs="+", type=Path, metavar="RUN", help="folders of the runs, one a fold"
    )
    _add_corpora(all_speakers)
    all_speakers.add_argument(
        "--teacher", type=Path, help="pretrained weights: BYOL-S, or Whisper for large"
    )
    _add_brief(all_speakers)
    all_speakers.add_argument(
        "--runs", type=Path, default=Path("runs"), help="folder of the new run"
    )
    _add_jobs(all_speakers)

    evaluate = _command(commands, "evaluate", _evaluate, "measure runs and bundles once more")
    evaluate.add_argument(
        "targets", nargs="+", metavar="RUN|BUNDLE", help="folder, or name of a shipped bundle"
    )
    evaluate.add_argument(
        "--folds",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="runs of the folds that cross-validated the bundle of all speakers",
    )
    _add_corpora(evaluate)
    evaluate.add_argument(
        "--write", action="store_true", help="renew report and numbers, or the card"
    )
    _add_brief(evaluate)
    evaluate.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the cache")
    _add_jobs(evaluate)

    words = "round the weights of a bundle with a transformer to eight bits"
    quantise = _command(commands, "quantise", _quantise, words)
    quantise.add_argument("target", metavar="BUNDLE", help="folder, or name of a shipped bundle")
    _add_corpora(quantise, required=True)
    quantise.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the cache")
    _add_jobs(quantise)

    compare = _command(commands, "compare", _compare, "lay runs side by side")
    compare.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run")
    compare.add_argument("--out", type=Path, metavar="FILE.html", help="write the page as well")

    predict = _command(commands, "predict", _predict, "tell the emotion of audio files")
    predict.add_argument("target", metavar="RUN|BUNDLE", help="folder, or a shipped bundle's name")
    predict.add_argument("files", nargs="+", type=Path, metavar="AUDIO")

    _add_checks(commands)
    return parser


def _add_checks(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Commands that measure what runs beside every model."""
    voice = _command(commands, "voice", _voice, "fit and measure the judge of what is a voice")
    _add_corpora(voice, required=True)
    voice.add_argument(
        "--clips", type=int, default=900, help="training clips (default: %(default)s)"
    )
    voice.add_argument(
        "--sounds", type=int, default=60, help="other sounds of each kind (default: %(default)s)"
    )
    voice.add_argument("--model", default="default", help="model to measure with")
    voice.add_argument(
        "--recordings",
        type=Path,
        metavar="FOLDER",
        help="measure other recordings too: a folder of them for each kind",
    )
    voice.add_argument(
        "--write", action="store_true", help="put the numbers in the place of those that ship"
    )
    _add_jobs(voice)

    measures = _command(
        commands, "measures", _measures, "hold pitch, syllables and activation against Praat"
    )
    _add_corpora(measures, required=True)
    measures.add_argument(
        "--write", action="store_true", help="put the tables into the documentation"
    )
    _add_jobs(measures)

    words = "measure what heads that learned one language make of others"
    languages = _command(commands, "languages", _languages, words)
    _add_corpora(languages, required=True)
    languages.add_argument(
        "--teacher", type=Path, required=True, help="pretrained weights of Whisper"
    )
    languages.add_argument(
        "--most",
        type=int,
        default=1000,
        help="clips of a corpus, by lot (default: %(default)s)",
    )
    languages.add_argument(
        "--bundles",
        nargs="*",
        default=["default", "large"],
        metavar="BUNDLE",
        help="test these too, the others against the first (default: default large)",
    )
    languages.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the cache")
    languages.add_argument(
        "--write", action="store_true", help="put the tables into documentation and cards"
    )
    _add_jobs(languages)

    gate = _command(commands, "gate", _gate, "measure the speech gate on clips and on noise")
    _add_corpora(gate, required=True)
    _add_jobs(gate)


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    action: Action,
    text: str,
    aliases: Sequence[str] = (),
) -> argparse.ArgumentParser:
    description = f"{text.capitalize()}."
    parser = commands.add_parser(name, help=text, description=description, aliases=aliases)
    parser.set_defaults(run=action)
    return parser


def _add_corpora(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    parser.add_argument("--corpora", type=Path, required=required, help="folder of the corpora")


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="name of a shipped recipe, or a YAML file")
    _add_corpora(parser)
    parser.add_argument(
        "--teacher", type=Path, help="pretrained weights: BYOL-S, or Whisper for large"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="change a setting of the recipe; may be given several times",
    )
    parser.add_argument("--from", dest="parent", type=Path, metavar="RUN", help="fine-tune a run")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of runs and cache")
    _add_jobs(parser)


def _add_jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=int, default=usable_cores(), help="processes")


def _add_brief(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--brief", action="store_true", help="leave out levels, noise, streams and switches"
    )


def _workload(options: argparse.Namespace) -> Workload:
    return Workload(options.jobs, thorough=not options.brief)


def _integers(text: str, noun: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise UsageError(f"'{text}' is no list of {noun}; write it like 1,2,3.") from error


def _corpora(options: argparse.Namespace) -> None:
    from training.corpora.listing import corpora_table, describe_corpus

    if options.how is not None:
        print(describe_corpus(options.how))
    elif options.corpora is not None:
        print(corpora_table(options.corpora))
    else:
        raise UsageError(
            "Name the folder of the corpora with --corpora DIR, or a corpus with --how NAME."
        )


def _run(options: argparse.Namespace) -> None:
    _load_backend()
    from training.at_once import RunCommand, run_at_once
    from training.folds import fold_count
    from training.recipe import load_recipe
    from training.report.card import summary_table
    from training.report.summary import write_summary
    from training.run import RunPaths, read_clips, run, run_folder
    from training.run_folder import Run

    file = load_recipe(options.recipe, options.set)
    seeds = _integers(options.seed, "seeds")
    folds = [] if options.folds == "all" else _integers(options.folds, "folds")
    parent = Run(options.parent) if options.parent else None
    paths = RunPaths(options.corpora, options.runs, options.teacher, parent)
    clips = read_clips(file.recipe, paths)
    chosen = [
        (fold, seed)
        for fold in folds or range(1, fold_count(clips, file.recipe.split) + 1)
        for seed in seeds
    ]
    made: Iterable[Run] = [run_folder(file, paths, *one) for one in chosen]
    if options.at_once > 1 and len(chosen) > 1:
        run_at_once(
            [
                RunCommand(one, (*options.arguments, *_alone(options, fold, seed)))
                for one, (fold, seed) in zip(made, chosen, strict=True)
            ],
            options.at_once,
        )
    else:
        made = (run(file, clips, paths, *one, _workload(options)) for one in chosen)
    finished_runs = []
    for one in made:
        finished_runs.append(one)
        print(summary_table(one.results()))
        print(f"Report: {one.folder / REPORT}")
    if len(finished_runs) > 1:
        print(f"All together: {write_summary(options.runs / file.title, finished_runs)}")


def _alone(options: argparse.Namespace, fold: int, seed: int) -> list[str]:
    """Arguments that make one run of several; the last of an option counts."""
    jobs = max(1, options.jobs // options.at_once)
    return f"--folds {fold} --seed {seed} --at-once 1 --jobs {jobs}".split()


def _sweep(options: argparse.Namespace) -> None:
    _load_backend()
    from training.run import RunPaths
    from training.run_folder import Run
    from training.sweep import Sweep, read_space, run_sweep

    parent = Run(options.parent) if options.parent else None
    sweep = Sweep(
        recipe=options.recipe,
        changes=tuple(options.set),
        space=read_space(options.space),
        paths=RunPaths(options.corpora, options.runs, options.teacher, parent),
        fold=options.fold,
        seed=options.seed,
        jobs=options.jobs,
    )
    print(run_sweep(sweep, options.trials))


def _all_speakers(options: argparse.Namespace) -> None:
    if options.command == _EVERYBODY:
        print(f"'{_EVERYBODY}' is called 'all-speakers' now; both words work.", file=sys.stderr)
    _load_backend()
    from training.report.card import summary_table
    from training.run import RunPaths, run_all_speakers
    from training.run_folder import Run

    paths = RunPaths(options.corpora, options.runs, options.teacher)
    new_run = run_all_speakers([Run(folder) for folder in options.folds], paths, _workload(options))
    print(summary_table(new_run.results()))
    print(f"Bundle: {new_run.bundle}")


def _evaluate(options: argparse.Namespace) -> None:
    _load_backend()
    from training.evaluate import remeasure
    from training.report.card import condition_sections, summary_table
    from training.run import RunPaths, read_clips
    from training.run_folder import Run

    if options.folds and len(options.targets) > 1:
        raise UsageError("With --folds, name one bundle.")
    paths = RunPaths(options.corpora, options.runs)
    for target in options.targets:
        results = remeasure(
            target,
            [Run(folder) for folder in options.folds or ()],
            lambda recipe: read_clips(recipe, paths),
            _workload(options),
            cache=options.runs / CACHE,
            write=options.write,
        )
        parts = (summary_table(results), condition_sections(results))
        print(*filter(None, parts), sep="\n\n")


def _quantise(options: argparse.Namespace) -> None:
    _load_backend()
    from training.quantise import quantise_bundle
    from training.run import RunPaths, read_clips

    paths = RunPaths(options.corpora, options.runs)
    found = quantise_bundle(
        options.target,
        lambda recipe: read_clips(recipe, paths),
        cache=options.runs / CACHE,
        jobs=options.jobs,
    )
    print(
        f"Logits of the stream and of the training graph differ by {found.graph:.1e} at most, "
        f"blocks and single steps by {found.blocks:.1e}. 'evaluate --write' renews the card."
    )


def _compare(options: argparse.Namespace) -> None:
    from training.report.compare import compare
    from training.run_folder import Run

    text, page = compare([Run(folder) for folder in options.runs])
    print(text)
    if options.out is not None:
        write_whole(options.out, page, "name another file")


def _predict(options: argparse.Namespace) -> None:
    _load_backend()
    from training.report.predict import predict

    for line in predict(options.target, options.files):
        print(line)


def _gate(options: argparse.Namespace) -> None:
    from training.measure.gate_check import check_gate

    print(check_gate(options.corpora, jobs=options.jobs))


def _voice(options: argparse.Namespace) -> None:
    from realtime_ser.recogniser.bundle import load_bundle
    from training.measure.voice_judge import (
        RECORDINGS,
        VoiceSize,
        fit_judge,
        judge_tables,
        kind_table,
        measure_judge,
        measure_recordings,
        read_voices,
        write_judge,
        write_measures,
    )

    size, bundle = (
        VoiceSize(options.clips, options.sounds, options.jobs),
        load_bundle(options.model),
    )
    clips = read_voices(options.corpora)
    if options.write:
        write_judge(fit_judge(clips, size))
    tables = judge_tables(measure_judge(clips, bundle, size))
    if options.recordings is not None:
        heard = measure_recordings(bundle, options.recordings, options.jobs)
        tables += f"\n\n{RECORDINGS}\n\n{kind_table(heard)}"
    if options.write:
        write_measures(bundle, tables)
    print(tables)


def _measures(options: argparse.Namespace) -> None:
    from training.measure.voice_measures import PAGE, measure_voice
    from training.tables import write_tables

    tables = measure_voice(options.corpora, options.jobs)
    if options.write:
        write_tables(PAGE, tables)
    print("\n\n".join(tables.values()))


def _languages(options: argparse.Namespace) -> None:
    _load_backend()
    from training.languages.page import (
        LanguageMaterial,
        language_tables,
        measure_languages,
        write_cards,
        write_page,
    )

    material = LanguageMaterial(
        corpora=options.corpora,
        weights=options.teacher,
        cache=options.runs / CACHE,
        bundles=tuple(options.bundles),
        most=options.most,
        jobs=options.jobs,
    )
    figures = measure_languages(material)
    if options.write:
        write_page(figures)
        for name in write_cards(figures, options.bundles):
            print(f"{name} has no card yet: 'evaluate --write' makes one.", file=sys.stderr)
    print("\n\n".join(language_tables(figures).values()))


def _load_backend() -> None:
    """Load Keras and its backend, with TensorFlow's start-up messages silenced."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with silence_stderr():
        try:
            import keras

            keras.distribution.list_devices()
        except ImportError as error:
            raise SerError(
                f"Training needs more than the monitor does ({error}): install the extra 'train'."
            ) from error
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # behind its import, which sets it


if __name__ == "__main__":
    sys.exit(main())
