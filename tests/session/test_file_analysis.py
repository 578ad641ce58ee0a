"""A file that is heard as a session."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing

import numpy as np
import pytest
import soundfile

from realtime_ser.base.config import Config
from realtime_ser.base.errors import AudioFileError
from realtime_ser.base.paths import shipped
from realtime_ser.session.analysis.analyzer import AnalysisSettings, Analyzer
from realtime_ser.session.analysis.files import session_of_file
from realtime_ser.session.analysis.inputs import InputFile
from realtime_ser.session.store import SessionState


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "talk.flac"
    shutil.copyfile(shipped("demo.flac"), path)
    return path


def ignore(share):
    """Nobody watches."""


def test_a_session_of_a_file_says_what_the_analysis_says(store, file, tmp_path):
    told = []
    info = session_of_file(store, Config(), file, told.append)
    assert info.state is SessionState.COMPLETE
    assert (info.metadata.title, info.audio) == ("talk.flac", file)
    assert told[-1] == pytest.approx(1.0)
    outcome = Analyzer(AnalysisSettings(Config(), tmp_path / "other")).analyze(
        InputFile(file), ignore
    )
    assert info.speech_s == pytest.approx(outcome.speech.speech_s)
    assert info.duration_s == pytest.approx(outcome.duration_s, abs=0.16)
    segments = [one for one in store.segments(info.id) if one.estimate.quality.usable]
    mean = np.average(
        [segment.estimate.probabilities for segment in segments],
        axis=0,
        weights=[segment.voiced_s for segment in segments],
    )
    np.testing.assert_allclose(mean, outcome.speech.estimate.probabilities, atol=1e-6)


def test_a_file_is_heard_again_only_when_it_or_the_settings_changed(store, file):
    first = session_of_file(store, Config(), file, ignore)
    assert session_of_file(store, Config(), file, ignore).id == first.id
    later_s = time.time() + 60
    os.utime(file, (later_s, later_s))
    assert session_of_file(store, Config(), file, ignore).id != first.id
    two = Config.model_validate({"audio": {"channels": [1, 2]}})
    with pytest.raises(AudioFileError, match="channel"):
        session_of_file(store, two, file, ignore)


def test_stopping_keeps_nothing_and_deleting_leaves_the_file(store, file):
    def stop(share):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        session_of_file(store, Config(), file, stop)
    assert store.sessions() == []
    store.delete([session_of_file(store, Config(), file, ignore)])
    assert store.sessions() == []
    assert file.read_bytes() == shipped("demo.flac").read_bytes()


def test_the_store_of_an_analysis_grows_no_more_after_the_first_files(tmp_path):
    sound, folder = tmp_path / "talk.wav", tmp_path / "sessions"
    samples, rate = soundfile.read(shipped("demo.flac"), frames=16_000)
    soundfile.write(sound, samples, rate)
    pages = []
    with closing(Analyzer(AnalysisSettings(Config(model="default"), folder))) as analyzer:
        for _ in range(6):
            assert analyzer.analyze(InputFile(sound), ignore).error is None
            with closing(sqlite3.connect(next(folder.glob("*/sessions.sqlite")))) as database:
                pages += database.execute("PRAGMA page_count").fetchone()
        assert [path.name for path in folder.glob("*/*") if path.is_dir()] == []
    assert pages == [pages[0]] * 6
