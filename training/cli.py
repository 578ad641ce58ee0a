"""Command line of the training module: ``realtime-ser-train``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from realtime_ser.errors import SerError
from realtime_ser.model import bundle_folder, load_bundle


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; errors are one sentence on standard error.

    Returns
    -------
    int
        0 done, 1 the work failed, 2 the command line or the recipe is wrong.
    """
    options = _parser().parse_args(arguments)
    # TensorFlow reports its build on standard error otherwise; errors still come through.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        options.run(options)
    except SerError as error:
        if options.debug:
            raise
        print(f"realtime-ser-train: error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="realtime-ser-train", description="Make and measure speech-emotion models."
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = _command(commands, "run", _run, "train, export and measure a recipe")
    run.add_argument("recipe", help="name of a shipped recipe, or a YAML file")
    run.add_argument("--teacher", type=Path, required=True, help="weights of BYOL-S (.npz)")
    run.add_argument("--runs", type=Path, default=Path("runs"), help="folder of runs and cache")
    run.add_argument("--out", type=Path, help="folder of the bundle (default: in the run)")
    run.add_argument("--seed", type=int, default=0)

    evaluate = _command(commands, "evaluate", _evaluate, "measure a bundle on its test speakers")
    evaluate.add_argument("bundle", help="name of a shipped bundle, or a folder")
    evaluate.add_argument("--recipe", help="whose fold it withheld (default: the bundle's)")
    evaluate.add_argument("--write", action="store_true", help="renew the bundle's card")

    _command(commands, "gate", _gate, "measure the speech gate on clips and on noise")
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    action: object,
    text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("--corpora", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.set_defaults(run=action)
    return parser


def _run(options: argparse.Namespace) -> None:
    from training.card import summary_table
    from training.recipe import load_recipe
    from training.run import Places, run

    file = load_recipe(options.recipe)
    folder = options.runs / f"{file.path.stem}-fold{file.recipe.fold}-seed{options.seed}"
    bundle = options.out or folder / "bundle"
    places = Places(options.corpora, options.teacher, folder, bundle)
    print(summary_table(run(file, places, seed=options.seed, jobs=options.jobs)))
    print(f"The bundle lies in {bundle.resolve()}.")


def _evaluate(options: argparse.Namespace) -> None:
    from training.card import summary_table
    from training.evaluate import evaluate_bundle, scores
    from training.recipe import load_recipe
    from training.run import measure, test_clips

    bundle = load_bundle(bundle_folder(options.bundle))
    recipe = load_recipe(options.recipe or bundle.manifest.recipe["name"]).recipe
    clips = test_clips(recipe, options.corpora)
    if options.write:
        result = measure(bundle, clips, jobs=options.jobs)
    else:
        result = scores(evaluate_bundle(bundle, clips, jobs=options.jobs))
    print(summary_table(result))


def _gate(options: argparse.Namespace) -> None:
    from training.gate_check import check_gate

    print(check_gate(options.corpora, jobs=options.jobs))


if __name__ == "__main__":
    sys.exit(main())
