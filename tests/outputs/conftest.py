"""Sound that the tests of several outputs hear."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile


@pytest.fixture
def long_wav(tmp_path):
    """Ten minutes without a voice: more updates than queues and the buffers of sockets hold."""
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(600 * 16_000, np.float32), 16_000, subtype="PCM_16")
    return path
