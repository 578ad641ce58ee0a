import itertools

import pytest
from PyQt6.QtCore import Qt

from realtime_ser.base.labels import LABELS
from realtime_ser.gui.theme.theme import choose, make_style
from realtime_ser.timeline.style import DARK, LIGHT, contrast, line_style

THEMES = pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@THEMES
def test_text_is_readable_on_every_surface(theme):
    for surface in (theme.background, theme.panel, theme.raised, theme.hover, theme.band):
        for text in (theme.text, theme.muted):
            assert contrast(text, surface) >= 4.5, (text, surface)
    assert contrast(theme.on_banner, theme.banner) >= 4.5
    assert contrast(theme.on_accent, theme.accent) >= 4.5
    assert contrast(theme.danger, theme.panel) >= 4.5
    assert contrast(theme.background, theme.text) >= 4.5  # texts of markers


@THEMES
def test_graphics_stand_out(theme):
    for part in (theme.border, theme.accent, theme.voice, theme.recording_light):
        assert contrast(part, theme.panel) >= 3.0, part
    for label in LABELS:
        color = line_style(label, 0).color
        edge = theme.outline(color) or color
        assert contrast(edge, theme.background) >= 3.0, label


def test_yellow_has_a_rim_on_light_only():
    yellow = line_style("surprised", 0).color
    assert LIGHT.outline(yellow)
    assert DARK.outline(yellow) is None


def test_no_two_lines_look_alike_even_without_colour():
    styles = [line_style(label, index) for index, label in enumerate(LABELS)]
    for one, other in itertools.combinations(styles, 2):
        assert one.color != other.color
        assert one.dashes != other.dashes


def test_labels_of_another_model_get_styles_too():
    styles = [line_style(f"label {index}", index) for index in range(8)]
    assert len(set(styles)) == 8


@pytest.mark.parametrize(
    ("size", "scale"),
    [((1280, 720), 1.0), ((1920, 1080), 1.0), ((2560, 1440), 1.25), ((3840, 2160), 2.0)],
    ids=str,
)
def test_a_large_window_has_large_type(qapp, size, scale):
    style = make_style(DARK, *size)
    assert style.scale == scale
    assert style.small_px >= 11 * scale
    assert style.small_px < style.body_px < style.big_px


@pytest.mark.parametrize("system", list(Qt.ColorScheme), ids=lambda scheme: scheme.name)
def test_the_system_is_followed_unless_a_theme_is_chosen(system):
    assert choose("dark", system) is DARK
    assert choose("light", system) is LIGHT
    assert choose("system", system) is (LIGHT if system is Qt.ColorScheme.Light else DARK)
