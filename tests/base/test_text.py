"""Words for numbers."""

from __future__ import annotations

from realtime_ser.base.records import Quality
from realtime_ser.base.text import left_out_text


def test_time_that_is_left_out_is_never_told_as_none() -> None:
    left_out_s = {Quality.TOO_QUIET: 0.03, Quality.NOT_A_VOICE: 19.84}
    assert left_out_text(left_out_s) == "19.8 s not a voice, 0.03 s too quiet"
    assert left_out_text({}) == ""
