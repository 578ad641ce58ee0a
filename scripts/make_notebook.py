"""Makes docs/first_look.ipynb anew and runs it: ``make notebook``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

NOTEBOOK = Path(__file__).resolve().parent.parent / "docs" / "first_look.ipynb"

CELLS = (
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


def make(path: Path) -> None:
    """Write the notebook with what its cells give."""
    notebook = new_notebook(cells=list(CELLS))
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
    parser.add_argument("--out", type=Path, default=NOTEBOOK)
    make(parser.parse_args().out)
