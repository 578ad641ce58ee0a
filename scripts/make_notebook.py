"""Makes the notebooks of docs anew and runs them: ``make notebook``."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

DOCS = Path(__file__).resolve().parent.parent / "docs"

FIRST_LOOK = (
    new_markdown_cell(
        "# A first look\n\n"
        "Train a small streaming model on made-up voices, look at what came out, and let it judge "
        "a recording. Nothing is downloaded, and it takes two minutes. The voices are synthetic: "
        "what the model learns from them is worth nothing elsewhere.\n\n"
        "The same on a command line: `realtime-ser-train run quick`."
    ),
    new_code_cell(
        "from pathlib import Path\n\n"
        "from IPython.display import Image\n\n"
        "from training.cli import main\n\n"
        '_ = main(["run", "quick"])'
    ),
    new_markdown_cell(
        "## What came out\n\n"
        "A run is a folder. `report.html` has everything on one page, `results.json` every number."
    ),
    new_code_cell(
        "from training.run_folder import Run\n\n"
        'run = Run(Path("runs/quick-fold1-seed0"))\n'
        "sorted(path.name for path in run.folder.iterdir())"
    ),
    new_code_cell(
        'result = run.results()["corpora"]["generated"]\n'
        "print(f\"UAR {result['uar']:.2f} on {result['clips']} clips of a speaker never heard "
        '(chance: 0.25)")'
    ),
    new_code_cell('Image(run.folder / "confusion.png", width=420)'),
    new_markdown_cell(
        "## Predict\n\nEvery run can judge recordings, streaming or not, and so can the bundle "
        "that ships."
    ),
    new_code_cell(
        'clips = sorted(Path("runs/corpora/generated").rglob("*.wav"))[::50]\n'
        '_ = main(["predict", str(run.folder), *map(str, clips)])'
    ),
    new_code_cell('_ = main(["predict", "default", str(clips[0])])'),
    new_markdown_cell(
        "## Go on\n\n"
        "- `realtime-ser --model runs/quick-fold1-seed0/bundle` listens with it.\n"
        "- `realtime-ser-train corpora --how ravdess` tells where real speech comes from.\n"
        "- `tensorboard --logdir runs` shows the losses while a model learns."
    ),
)


SESSION = (
    new_markdown_cell(
        "# A session in pandas\n\n"
        "Hear a recording as the monitor hears a microphone, read the tables that the session "
        "leaves, and plot what the voice sounds like and what it does. Needs pandas and matplotlib."
    ),
    new_code_cell(
        "%%capture heard\n"
        "from realtime_ser.commands.main import main\n\n"
        'session = ["--headless", "--model", "default", "--input", "demo", "--speed", "0"]\n'
        '_ = main([*session, "--no-keep", "--export", "talk.csv"])'
    ),
    new_markdown_cell(
        "A session of your own: `realtime-ser sessions export ID --to talk.csv` writes the same "
        "tables: a row each 80 ms, and one each for segments, for what the voice did in them, and "
        "for markers."
    ),
    new_code_cell(
        "import pandas as pd\n\n"
        'steps = pd.read_csv("talk.csv", parse_dates=["wall_clock"], index_col="time_s")\n'
        'segments = pd.read_csv("talk.segments.csv")\n'
        'voice = pd.read_csv("talk.voice.csv")\n'
        'labels = steps.loc[:, "certain":"level_dbfs"].columns[1:-1]\n'
        'steps[["state", "label", "confidence", "f0_hz", "activation"]].dropna().head()'
    ),
    new_markdown_cell("Outside speech there is no estimate: the cells are empty, NaN in pandas."),
    new_code_cell(
        "from matplotlib import pyplot\n\n"
        "from realtime_ser.timeline.style import line_style\n\n"
        "figure, (emotions, pitch, activation) = pyplot.subplots(\n"
        '    3, figsize=(11, 6.5), sharex=True, height_ratios=[3, 1, 1], layout="constrained"\n'
        ")\n"
        "colors = [line_style(label, number).color for number, label in enumerate(labels)]\n"
        "steps[labels].plot.area(ax=emotions, color=colors, lw=0, ylim=(0, 1), legend=False)\n"
        'emotions.set_ylabel("probability")\n'
        'figure.legend(loc="outside upper center", ncols=len(labels), frameon=False)\n'
        'steps["f0_hz"].plot(ax=pitch, ylabel="F0 (Hz)", ylim=(75, 400))\n'
        'steps["activation"].plot(ax=activation, ylabel="activation", ylim=(-1, 1))\n'
        '_ = activation.set(xlabel="seconds")'
    ),
    new_markdown_cell(
        "Segments whose sound cannot carry a result say so in `quality`; leave them out before you "
        "count."
    ),
    new_code_cell(
        'place = ["segment", "channel", "start_s", "end_s"]\n'
        "both = segments.merge(voice, on=place)\n"
        'usable = both[both["quality"].isin(["good", "telephone", "doubtful voice"])]\n'
        'measures = ["confidence", "f0_hz", "loudness_lufs", "speaking_rate", "activation"]\n'
        'usable.groupby("label")[measures].mean().round(2)'
    ),
)

NOTEBOOKS = {
    DOCS / "first_look.ipynb": FIRST_LOOK,
    DOCS / "examples" / "read_session.ipynb": SESSION,
}


def make(path: Path, cells: Sequence[NotebookNode]) -> None:
    """Write a notebook with what its cells give."""
    notebook = new_notebook(cells=list(cells))
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # the same each time
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}})
        client.execute()
    for cell in notebook.cells:
        cell.metadata.clear()  # times of day
    nbformat.write(notebook, path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    names = [path.stem for path in NOTEBOOKS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}")
    wanted = parser.parse_args().names or names
    for path, cells in NOTEBOOKS.items():
        if path.stem in wanted:
            make(path, cells)
