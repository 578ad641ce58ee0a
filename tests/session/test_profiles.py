"""Personal profiles: made of a voice, chosen for a session, taken off again, refused, deleted."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from realtime_ser.base.config import Config
from realtime_ser.base.labels import LABELS
from realtime_ser.commands.main import main
from realtime_ser.recogniser.bundle import MANIFEST, load_bundle
from realtime_ser.recogniser.profiles import chosen_model, profile_choices, with_profile
from realtime_ser.recogniser.speaker_calibration import (
    SpeakerCalibration,
    mean_log_probabilities,
    shifted,
)
from realtime_ser.session.store import open_store

REFERENCE = [-1.7, -2.1, -3.4, -2.5, -4.5, -3.2, -3.8, -3.9]


def changed_bundle(shipped: Path, to: Path, **changes: object) -> Path:
    """The shipped bundle with another manifest."""
    shutil.copytree(shipped, to)
    manifest = json.loads((to / MANIFEST).read_text("utf-8"))
    (to / MANIFEST).write_text(json.dumps(manifest | changes), "utf-8")
    return to


@pytest.fixture(scope="module")
def bundles(bundle_folder, tmp_path_factory):
    """Bundles that differ in what they know of neutral speech."""
    folder = tmp_path_factory.mktemp("bundles")

    def knowing(name: str, enabled: bool, strength: float) -> Path:
        baseline = {"reference": REFERENCE, "strength": strength, "enabled": enabled}
        return changed_bundle(bundle_folder, folder / name, name=name, baseline=baseline)

    return {
        "able": knowing("able", enabled=True, strength=0.5),
        "other": knowing("other", enabled=True, strength=1.0),
        "unhelped": knowing("unhelped", enabled=False, strength=0.5),
        "unknowing": changed_bundle(bundle_folder, folder / "unknowing", baseline=None),
    }


@pytest.fixture
def able(bundles):
    return str(bundles["able"])


def calibrate(name, wav, model, *more):
    return main(["calibrate", name, "--input", str(wav), "--model", str(model), *more])


@pytest.fixture
def anna(speech_wav, able, capsys):
    """A profile that was made of generated speech."""
    assert calibrate("Anna", speech_wav, able) == 0
    capsys.readouterr()
    return "anna"


def play(wav, out, model, *more):
    """Monitor a file as fast as it goes."""
    arguments = ["--headless", "--input", str(wav), "--speed", "0", "--export", str(out)]
    return main([*arguments, "--model", str(model), *more])


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def probabilities(path):
    """Of all speech steps, shape ``(steps, labels)``."""
    spoken = [row for row in rows(path) if row.get("label")]
    return np.array([[float(row[label]) for label in LABELS] for row in spoken])


def profile_files():
    return list(Path.home().rglob("profile-*"))


# --------------------------------------------------------------------------------- the correction

odds = arrays(np.float64, (3, 8), elements=st.floats(1e-4, 1.0))
shifts = arrays(np.float64, 8, elements=st.floats(-3, 3))
baselines = st.builds(
    SpeakerCalibration,
    reference=arrays(np.float64, 8, elements=st.floats(-9, 0)).map(tuple),
    strength=st.floats(0, 2),
    enabled=st.booleans(),
)


@given(odds, baselines)
def test_somebody_like_the_reference_is_not_corrected(odds, baseline):
    said = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shifted(said, baseline.shift(baseline.reference)), said)


@given(odds, shifts)
def test_corrected_probabilities_sum_to_one_and_the_correction_can_be_taken_off(odds, shift):
    said = odds / odds.sum(axis=1, keepdims=True)
    corrected = shifted(said, shift)
    np.testing.assert_allclose(corrected.sum(axis=1), 1.0)
    np.testing.assert_allclose(shifted(corrected, -shift), said)


@given(odds, baselines, st.floats(0.1, 9))
def test_at_full_strength_the_speech_that_was_heard_is_brought_to_the_reference(
    odds, baseline, weight
):
    said = odds / odds.sum(axis=1, keepdims=True)
    weights = np.array([1.0, weight, 2.0])
    full = baseline.model_copy(update={"strength": 1.0})
    shift = full.shift(mean_log_probabilities(said, weights))
    corrected = mean_log_probabilities(shifted(said, shift), weights)
    gap = corrected - np.array(baseline.reference)
    np.testing.assert_allclose(gap, gap[0], atol=1e-6)  # but for what normalising takes


# ------------------------------------------------------------------------------------- in sessions


def test_a_session_is_corrected_says_so_and_keeps_what_the_model_said(
    speech_wav, able, anna, tmp_path, capsys
):
    plain, corrected = tmp_path / "plain.csv", tmp_path / "corrected.csv"
    assert play(speech_wav, plain, able) == 0
    capsys.readouterr()
    assert play(speech_wav, corrected, able, "--profile", anna) == 0
    assert "corrected by the profile 'Anna'" in capsys.readouterr().err

    story = json.loads(corrected.with_suffix(".json").read_text("utf-8"))["profile"]
    assert (story["name"], story["device"]) == ("Anna", speech_wav.name)
    assert story["model"]["sha256"] == load_bundle(Path(able)).digest
    assert json.loads(plain.with_suffix(".json").read_text("utf-8"))["profile"] is None

    shown = probabilities(corrected)
    assert list(rows(plain)[0]) == list(rows(corrected)[0])
    np.testing.assert_allclose(shown.sum(axis=1), 1.0, atol=1e-5)
    assert np.abs(shown - probabilities(plain)).max() > 0.01

    with open_store(Config()) as store:
        first, second = sorted(store.sessions(), key=lambda info: info.metadata.started)
        told = store.columns(first.id).probabilities
    said = told[~np.isnan(told).any(axis=1)]  # whole, where a CSV has six decimals
    shift = np.array([story["shift"][label] for label in LABELS])
    np.testing.assert_allclose(shifted(said, shift), shown, atol=1e-6)
    assert first.metadata.provenance["profile"] is None
    assert second.metadata.provenance["profile"] == story
    assert main(["sessions", "show", second.id]) == 0
    assert "corrected for Anna" in capsys.readouterr().out

    again = tmp_path / "again.csv"
    assert main(["sessions", "export", second.id, "--to", str(again), "--without-profile"]) == 0
    for name in ("again.csv", "again.segments.csv"):
        kept = tmp_path / name
        before = plain.with_name(name.replace("again", "plain"))
        np.testing.assert_allclose(probabilities(kept), probabilities(before), atol=2e-6)
        for column in ("label", "certain"):
            assert [r[column] for r in rows(kept)] == [r[column] for r in rows(before)]
    assert json.loads(again.with_suffix(".json").read_text("utf-8"))["profile"] is None
    arguments = ["sessions", "export", first.id, "--to", str(tmp_path / "no.csv")]
    assert main([*arguments, "--without-profile"]) == 2


def test_files_are_analysed_with_the_profile_that_was_chosen(speech_wav, able, anna, tmp_path):
    live = tmp_path / "live.csv"
    assert play(speech_wav, live, able, "--profile", anna) == 0
    out = tmp_path / "out"
    arguments = ["analyze", str(speech_wav), "--model", able, "--profile", anna]
    assert main([*arguments, "--out", str(out)]) == 0
    found = probabilities(out / "speech.frames.csv")
    np.testing.assert_allclose(found, probabilities(live), atol=2e-6)
    assert json.loads((out / "speech.json").read_text("utf-8"))["profile"]["name"] == "Anna"


def test_another_microphone_than_the_profiles_is_told(able, anna, tmp_path, capsys):
    arguments = ["--duration", "2", "--profile", anna]
    assert play("demo", tmp_path / "demo.csv", able, *arguments) == 0
    assert "which was made with speech.wav" in capsys.readouterr().err


def test_a_session_heard_again_by_another_model_is_not_corrected(
    speech_wav, able, anna, bundle_folder, tmp_path
):
    arguments = ["--profile", anna, "--record-audio"]
    assert play(speech_wav, tmp_path / "a.csv", able, *arguments) == 0
    with open_store(Config()) as store:
        (info,) = store.sessions()
        assert main(["sessions", "reanalyse", info.id, "--model", str(bundle_folder)]) == 0
        (again,) = [other for other in store.sessions() if other.id != info.id]
        assert again.metadata.provenance["profile"] is None
        assert again.metadata.provenance["config"]["profile"] is None


def test_a_window_is_told_which_profiles_it_may_offer(anna, bundles):
    config = Config(model=str(bundles["able"]))
    (offered,) = profile_choices(config)
    assert (offered.profile.name, offered.fault) == ("Anna", None)
    _, decoder = chosen_model(with_profile(config, offered.profile.name))
    assert decoder.profile == offered.profile
    assert chosen_model(config)[1].profile is None
    (refused,) = profile_choices(Config(model=str(bundles["other"])))
    assert "another model" in refused.fault


# ------------------------------------------------------------------------------- what is refused


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--profile", "ana"], "did you mean 'anna'?"),
        (["--profile", "bert"], "There is no profile 'bert'"),
        (["--profile", "../anna"], "cannot name a profile"),
        (["--profile", "anna", "--channels", "1,2"], "one person"),
    ],
    ids=["misspelt", "unknown", "impossible", "two voices"],
)
def test_a_profile_that_cannot_be_chosen_is_refused(
    arguments, words, speech_stereo_wav, able, tmp_path, capsys
):
    assert play(speech_stereo_wav, tmp_path / "out.csv", able, *arguments) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1
    assert not list(tmp_path.glob("out*"))


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("other", "was made with another model, able"),
        ("unhelped", "did not gain"),
        ("unknowing", "has no reference of neutral speech"),
    ],
)
def test_a_profile_goes_with_the_model_that_made_it(
    model, words, speech_wav, bundles, tmp_path, capsys
):
    assert play(speech_wav, tmp_path / "out.csv", bundles[model], "--profile", "anna") == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("model", ["unhelped", "unknowing"])
def test_a_model_that_cannot_be_corrected_makes_no_profile(model, speech_wav, bundles, capsys):
    assert calibrate("anna", speech_wav, bundles[model]) == 2
    assert "choose another model" in capsys.readouterr().err
    assert not profile_files()


def test_a_configuration_chooses_nobody(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text("profile: anna\n", "utf-8")
    assert main(["monitor", "--headless", "--input", "demo", "--config", str(path)]) == 2
    assert "--profile anna" in capsys.readouterr().err


def test_too_little_voice_makes_no_profile(speech_wav, able, tmp_path, capsys):
    speech, rate = soundfile.read(speech_wav, dtype="int16")
    soundfile.write(tmp_path / "short.wav", speech[: 4 * rate], rate)
    assert calibrate("anna", tmp_path / "short.wav", able) == 1
    said = capsys.readouterr().err
    assert "s of voice were heard from short.wav" in said
    assert "choose a recording with more of it" in said
    assert not profile_files()


def test_several_channels_make_no_profile_unless_one_is_named(
    speech_stereo_wav, able, tmp_path, capsys
):
    settings = tmp_path / "two.yaml"
    settings.write_text("audio: {channels: [1, 2]}\n", "utf-8")
    assert calibrate("anna", speech_stereo_wav, able, "--config", str(settings)) == 2
    assert "--channel N" in capsys.readouterr().err
    assert calibrate("anna", speech_stereo_wav, able, "--channel", "3") == 1
    assert calibrate("anna", speech_stereo_wav, able, "--channel", "0") == 2
    assert not profile_files()


# ---------------------------------------------------------------------------------------- profiles


def test_a_profile_is_listed_shown_and_deleted(able, anna, capsys):
    assert main(["profiles", "list", "--model", able]) == 0
    listed = capsys.readouterr().out
    assert "Anna" in listed
    assert "not for the present model" not in listed
    assert main(["profiles"]) == 0  # of the shipped model
    assert "not for the present model" in capsys.readouterr().out
    assert main(["profiles", "show", "anna", "--model", able]) == 0
    shown = capsys.readouterr().out
    assert all(label in shown for label in LABELS)
    assert "speech.wav" in shown
    (path,) = profile_files()
    assert str(path) in shown
    if os.name == "posix":
        assert path.parent.stat().st_mode & 0o077 == 0

    assert main(["profiles", "delete", "anna"]) == 2  # nobody can be asked
    assert path.exists()
    assert main(["profiles", "delete", "anna", "--yes"]) == 0
    assert not profile_files()
    assert main(["profiles", "delete", "anna", "--yes"]) == 2
    capsys.readouterr()
    assert main(["profiles", "list"]) == 0
    assert "There are no profiles" in capsys.readouterr().out


def test_a_profile_is_replaced_only_when_asked(speech_wav, able, anna, capsys):
    (path,) = profile_files()
    before = path.read_bytes()
    assert calibrate("ANNA", speech_wav, able) == 2
    assert "--replace" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert calibrate("ANNA", speech_wav, able, "--replace") == 0
    assert profile_files() == [path]
    assert json.loads(path.read_text("utf-8"))["name"] == "ANNA"


def test_a_damaged_profile_is_told_and_can_be_deleted(able, anna, speech_wav, tmp_path, capsys):
    (path,) = profile_files()
    path.write_text("{", "utf-8")
    assert main(["profiles"]) == 0
    assert "is damaged" in capsys.readouterr().err
    assert play(speech_wav, tmp_path / "out.csv", able, "--profile", anna) == 1
    assert "is damaged: delete it" in capsys.readouterr().err
    assert list(profile_choices(Config(model=able))) == []
    assert main(["profiles", "delete", "anna", "--yes"]) == 0
    assert not profile_files()


@pytest.mark.parametrize("change", [{"sad": None}, {"sad": float("nan")}, {"sad": 1e308}])
def test_a_profile_whose_numbers_were_changed_is_told(change, able, anna, speech_wav, capsys):
    (path,) = profile_files()
    profile = json.loads(path.read_text("utf-8"))
    changed = profile["log_probabilities"] | change
    kept = {label: value for label, value in changed.items() if value is not None}
    path.write_text(json.dumps(profile | {"log_probabilities": kept}), "utf-8")
    assert main(["analyze", str(speech_wav), "--model", able, "--profile", anna]) in (1, 2)
    assert "is damaged" in capsys.readouterr().err


def test_the_same_voice_gives_the_same_profile_however_it_goes_on(
    speech_wav, able, tmp_path, capsys
):
    """It ends when enough was heard: what follows does not matter."""
    speech, rate = soundfile.read(speech_wav, dtype="int16")
    for number, repeats in enumerate((4, 6)):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, np.tile(speech, repeats), rate)
        assert calibrate(f"p{number}", path, able) == 0
    first, second = (json.loads(path.read_text("utf-8")) for path in sorted(profile_files()))
    assert first["seconds"] >= 20
    assert first["log_probabilities"] == second["log_probabilities"]
    assert first["voice"] == second["voice"]
    assert first["voice"]["steps"] > 50
    assert "steadier" not in capsys.readouterr().out


def test_no_profile_is_made_of_what_is_no_voice(able, tmp_path, capsys):
    ringing = Path(__file__).resolve().parent.parent / "data" / "real_trouble"
    wav = ringing / "c2_ringback_us.flac"
    assert calibrate("Phone", wav, able) == 1
    said = capsys.readouterr().err
    assert "Only 0.0 s of voice were heard from c2_ringback_us.flac besides" in said
    assert "s not a voice, and a profile needs 5 s" in said
