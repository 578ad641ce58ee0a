"""Tables of all files of an analysis as Parquet, for whoever reads millions of rows."""

from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path

from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import whole_file, writing

_TEXTS = ("file", "label", "channel", "note", "error", "quality", "tier", "interval")
_FLAGS = ("certain",)
_COUNTS = ("segments",)


def require_parquet() -> None:
    """Make sure that Parquet can be written.

    Raises
    ------
    UsageError
        The library is not installed.
    """
    if find_spec("pyarrow") is None:
        raise UsageError(
            "Parquet needs a library that is not installed: "
            "'pip install \"realtime-ser[parquet]\"'."
        )


def write_parquet(table: Path) -> Path:
    """Write a table beside its CSV, with the same columns; empty cells are nulls.

    Numbers are 64-bit floats, the number of segments is an integer, and ``certain`` is true or
    false. The table is read in pieces, so that memory does not grow with it.

    Raises
    ------
    OutputError
        The disk refuses.
    """
    import pyarrow
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    kinds = (_TEXTS, pyarrow.string()), (_FLAGS, pyarrow.bool_()), (_COUNTS, pyarrow.int64())
    known = {name: kind for names, kind in kinds for name in names}
    convert = arrow_csv.ConvertOptions(
        column_types={name: known.get(name, pyarrow.float64()) for name in _header(table)},
        null_values=[""],
        strings_can_be_null=True,
        true_values=["1"],
        false_values=["0"],
    )
    parse = arrow_csv.ParseOptions(newlines_in_values=True)
    path = table.with_suffix(".parquet")
    with (
        writing(path),
        whole_file(path, shared=True) as draft,
        arrow_csv.open_csv(table, parse_options=parse, convert_options=convert) as reader,
        parquet.ParquetWriter(draft, reader.schema) as writer,
    ):
        for batch in reader:
            writer.write_batch(batch)
    return path


def _header(table: Path) -> list[str]:
    with table.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))
