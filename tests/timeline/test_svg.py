"""A document of shapes that other readers understand."""

import base64
import io
from xml.etree import ElementTree

import matplotlib.image
import numpy as np

from realtime_ser.timeline.surface import Font, Rect, Stroke
from realtime_ser.timeline.svg import SvgSurface

SPACE = "{http://www.w3.org/2000/svg}"


def test_a_picture_is_a_png_within_the_document():
    surface = SvgSurface(20, 10, "A picture")
    image = np.array([[0xFF102030, 0xFFFFFFFF, 0xFF000000]], np.uint32)
    surface.image(image, Rect(1, 2, 9, 3))
    (found,) = ElementTree.fromstring(surface.document()).iter(f"{SPACE}image")
    _, _, data = found.get("{http://www.w3.org/1999/xlink}href").partition("base64,")
    pixels = matplotlib.image.imread(io.BytesIO(base64.b64decode(data)), "png")
    assert (pixels[0] * 255).round().tolist() == [[16, 32, 48], [255, 255, 255], [0, 0, 0]]


def test_a_line_with_gaps_is_one_path():
    surface = SvgSurface(20, 10, "Lines")
    surface.polyline([0, 1, np.nan, 3, 4], [0, 1, np.nan, 3, 4], Stroke("#123456", 2.0, (3.0, 1.0)))
    (path,) = ElementTree.fromstring(surface.document()).iter(f"{SPACE}path")
    assert path.get("d") == "M0.0 0.0L1.0 1.0M3.0 3.0L4.0 4.0"
    assert path.get("stroke-dasharray") == "3 1"


def test_words_are_escaped_and_measured():
    surface = SvgSurface(20, 10, "<title>")
    surface.text('says "no" & <goes>', (1, 2), Font(12.0), "#000000", "end")
    root = ElementTree.fromstring(surface.document())
    assert [text.text for text in root.iter(f"{SPACE}text")] == ['says "no" & <goes>']
    assert root.find(f"{SPACE}title").text == "<title>"
    narrow, wide = (surface.text_width(words, Font(12.0)) for words in ("ab", "日本"))
    assert wide > 1.5 * narrow
