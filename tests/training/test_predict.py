"""Every kind of run tells what it hears, a line each file, and bad files stop nothing."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
import soundfile

from realtime_ser.base.errors import AudioFileError, BundleError, UsageError
from realtime_ser.base.labels import EMOJI, LABELS
from realtime_ser.base.paths import shipped
from realtime_ser.recogniser.bundle import bundle_folder, load_bundle
from tests.training.synthetic import synthetic_clips, synthetic_evaluation, synthetic_run
from training.measure.clip_results import posterior
from training.measure.live_path import evaluate_bundle
from training.offline.architectures import build_network
from training.offline.frontend import FrontEnd
from training.offline.model import OfflineModel, load_offline
from training.recipe import load_recipe
from training.report.predict import predict


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Speech, silence, and what is no sound at all."""
    folder = tmp_path_factory.mktemp("sounds")
    speech, rate = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    soundfile.write(folder / "speech.wav", speech[: 5 * rate, 0], rate)
    soundfile.write(folder / "silence.wav", np.zeros(rate, np.float32), rate)
    (folder / "broken.wav").write_bytes(b"RIFF but nothing else")
    return folder


def predicted_lines(line: str) -> dict[str, int]:
    """Labels of a line with their per cent; each stands behind its emoji."""
    found = re.findall(r"(\S+) (\w+) +(\d+)%", line)
    assert all(EMOJI[label] == emoji for emoji, label, _ in found)
    return {label: int(share) for _, label, share in found}


def test_a_bundle_tells_what_it_is_measured_by(sounds):
    (line,) = predict("default", [sounds / "speech.wav"])
    clip = replace(synthetic_clips(corpora=["ravdess"])[0], path=sounds / "speech.wav")
    (result,) = evaluate_bundle(load_bundle("default"), [clip], jobs=1).results
    said = posterior(result.segments, np.arange(len(LABELS)))
    best = np.argsort(-said)[:3]
    assert line.startswith(f"{sounds / 'speech.wav'}  ")
    assert predicted_lines(line) == {LABELS[k]: round(100 * said[k]) for k in best}


def test_silence_is_no_speech(sounds):
    (line,) = predict("default", [sounds / "silence.wav"])
    assert line.endswith("  no speech")


@pytest.mark.parametrize("fault", ["cut", "no number"])
def test_a_single_file_that_lacks_sound_is_heard_and_no_success(sounds, tmp_path, fault):
    speech, rate = soundfile.read(sounds / "speech.wav", dtype="float32")
    path = tmp_path / "faulty.wav"
    if fault == "no number":
        speech[rate] = np.nan
    soundfile.write(path, speech, rate, subtype="FLOAT")
    if fault == "cut":
        path.write_bytes(path.read_bytes()[:-rate])
    lines: list[str] = []
    told = {"cut": "is truncated", "no number": "is no number"}[fault]
    with pytest.raises(AudioFileError, match=told):
        lines.extend(predict("default", [path]))
    assert predicted_lines(lines[0])
    assert told in lines[0]
    assert len(list(predict("default", [path, sounds / "speech.wav"]))) == 2


def test_a_file_that_cannot_be_read_stops_no_other(sounds):
    files = [sounds / name for name in ("broken.wav", "speech.wav", "lost.wav", "silence.wav")]
    lines: list[str] = []
    with pytest.raises(AudioFileError, match=r"2 of 4 files could not be read") as error:
        lines.extend(predict("default", files))
    assert error.value.exit_code == 1
    assert len(lines) == 4
    assert "not read: " in lines[0]
    assert predicted_lines(lines[1])
    assert "not read: " in lines[2]
    assert lines[3].endswith("no speech")
    assert all("\n" not in line for line in lines)


def test_the_folder_of_a_streaming_run_is_as_good(sounds, tmp_path):
    run = synthetic_run(tmp_path / "run")
    shutil.copytree(bundle_folder("default"), run.bundle)
    files = [sounds / "speech.wav"]
    assert list(predict(run.folder, files)) == list(predict("default", files))


def test_a_run_that_goes_on_cannot_tell(sounds, tmp_path):
    run = synthetic_run(tmp_path / "run")
    with pytest.raises((BundleError, UsageError)):
        list(predict(run.folder, [sounds / "speech.wav"]))


def test_a_model_that_is_not_there_is_told(sounds, tmp_path):
    with pytest.raises((BundleError, UsageError)):
        list(predict(tmp_path / "nothing", [sounds / "speech.wav"]))


def test_an_offline_run_tells_what_its_model_says(sounds, tmp_path):
    clips = synthetic_clips(corpora=["ravdess"])
    answers = synthetic_evaluation(clips, streaming=False)
    run = synthetic_run(tmp_path / "offline", recipe="c_cnn", evaluation=answers)
    recipe = load_recipe("c_cnn").recipe
    keras.utils.set_random_seed(0)
    shape = recipe.features.frames, recipe.features.n_mfcc
    network = build_network(recipe.architecture, shape, len(recipe.labels), recipe.network)
    OfflineModel(recipe, FrontEnd(recipe.features), network).save(run)
    said = load_offline(run).predict([sounds / "speech.wav"])[0]
    with pytest.raises(AudioFileError, match="1 of 2 files"):
        list(predict(run.folder, [sounds / "broken.wav", sounds / "speech.wav"]))
    (line,) = predict(run.folder, [sounds / "speech.wav"])
    best = np.argsort(-said)[:3]
    assert predicted_lines(line) == {LABELS[k]: round(100 * float(said[k])) for k in best}
