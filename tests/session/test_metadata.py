"""What the sidecar says of a device."""

from __future__ import annotations

from datetime import datetime

import pytest

from realtime_ser.base.records import Anchor
from realtime_ser.session.metadata import effective_rate


def test_the_rate_of_a_device_is_told_once_it_has_settled() -> None:
    def anchors(*seconds: float) -> list[Anchor]:
        times = [(s, s * (1 + 1e-4) + 0.5 * (s > 0)) for s in seconds]
        wall = datetime.now().astimezone()
        return [Anchor(round(16_000 * s), adc, adc, wall) for s, adc in times]

    assert effective_rate(anchors(0, 10, 20, 27), 48_000) == pytest.approx(48_000 / (1 + 1e-4))
    for seconds in [(), (0,), (0, 9), (0, 10, 12)]:
        assert effective_rate(anchors(*seconds), 48_000) is None
