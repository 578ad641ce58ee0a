"""The printed timeline of a file that is being analysed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.errors import OutputError
from realtime_ser.base.records import Segment, Update
from realtime_ser.base.text import clock_text, one_line
from realtime_ser.timeline.content import LiveContent
from realtime_ser.timeline.printed import PNG_SCALE, PrintedTimeline

_LONGEST_S = 1e6
"""Everything is kept: a longer file is not analysed in one go."""


class PrintedFile:
    """Printed timeline that grows with a file's records.

    Parameters
    ----------
    info
        The file.
    channels
        Channels to show, from top to bottom.
    labels
        Labels of the probabilities, in order.
    render_png
        Function from an SVG document and a scale to a PNG.
    """

    def __init__(
        self,
        info: SourceInfo,
        channels: Sequence[int],
        labels: Sequence[str],
        render_png: Callable[[str, float], bytes],
    ) -> None:
        self._name = one_line(info.name)
        self._content = LiveContent(labels, channels, _LONGEST_S)
        self._render_png = render_png

    def feed(self, records: Sequence[Update | Segment]) -> None:
        """Take the next records."""
        self._content.feed(records)

    def save(self, path: Path) -> None:
        """Write the timeline as PNG.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        end_s = self._content.end_s
        page = PrintedTimeline(self._name, [clock_text(end_s)], self._content.channels, (), end_s)
        try:
            path.write_bytes(self._render_png(page.document(), PNG_SCALE))
        except OSError as error:
            raise OutputError(
                f"Cannot write the picture {path}; choose another folder with --out."
            ) from error
