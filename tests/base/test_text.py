"""Words for numbers."""

from __future__ import annotations

from realtime_ser.base.errors import SerError
from realtime_ser.base.records import Quality
from realtime_ser.base.text import left_out_text


def test_time_that_is_left_out_is_never_told_as_none() -> None:
    left_out_s = {Quality.TOO_QUIET: 0.03, Quality.NOT_A_VOICE: 19.84}
    assert left_out_text(left_out_s) == "19.8 s not a voice, 0.03 s too quiet"
    assert left_out_text({}) == ""


def test_a_sentence_is_one_line_and_ends_with_what_to_do() -> None:
    quoted = "x" * 100_000 + "\n"
    words = str(SerError(f"The file holds '{quoted}', which is no time: mend it."))
    assert len(words) < 2_100
    assert "\n" not in words
    assert words.startswith("The file holds 'xxx")
    assert words.endswith("\\x0a', which is no time: mend it.")
