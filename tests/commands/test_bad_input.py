"""Whatever is wrong gets one sentence that says what to do, and the right exit code."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from realtime_ser.base.paths import shipped
from realtime_ser.commands.main import main

CLI = [sys.executable, "-W", "error", "-m", "realtime_ser"]


def complaint(arguments, code, capsys):
    """The one sentence with which a command fails."""
    assert main([str(argument) for argument in arguments]) == code
    said = capsys.readouterr().err
    assert said.startswith("realtime-ser: error: ")
    assert said.count("\n") == 1, said
    assert said.rstrip().endswith((".", "?")), said
    return said


# ------------------------------------------------------------------------------------------- files


@pytest.fixture
def speech(speech_wav):
    return soundfile.read(speech_wav, dtype="int16")


@pytest.fixture
def cut(speech, tmp_path):
    """A file of some format that lost its last third."""

    def make(ending, **form):
        whole = tmp_path / f"whole.{ending}"
        soundfile.write(whole, *speech, **form)
        path = tmp_path / f"cut.{ending}"
        data = whole.read_bytes()
        path.write_bytes(data[: 2 * len(data) // 3])
        return path

    return make


def missing(tmp_path):
    return tmp_path / "missing.wav"


def empty(tmp_path):
    path = tmp_path / "empty.wav"
    path.touch()
    return path


def header_alone(tmp_path):
    path = tmp_path / "header.wav"
    soundfile.write(path, np.zeros(0), 16_000)
    return path


def text(tmp_path):
    path = tmp_path / "text.wav"
    path.write_text("It was a dark and stormy night.")
    return path


def impossible_rate(tmp_path):
    path = tmp_path / "rate.wav"
    soundfile.write(path, np.zeros(100), 3)
    return path


def folder(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    return path


BAD_FILES = [
    (missing, "There is no audio file at"),
    (empty, "is empty; record or copy it again"),
    (header_alone, "holds no sound; record or copy it again"),
    (text, "is text and not audio that can be read; use a WAV, FLAC, OGG or MP3 file"),
    (impossible_rate, "claims 3 samples a second"),
]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [*BAD_FILES, (folder, "There is no audio file at")],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_a_file_that_cannot_be_monitored(make, sentence, tmp_path, capsys):
    out = tmp_path / "out.csv"
    arguments = ["--headless", "--input", make(tmp_path), "--export", out]
    assert sentence in complaint(arguments, 1, capsys)
    assert not out.exists()


@pytest.mark.parametrize(("make", "sentence"), BAD_FILES, ids=lambda v: getattr(v, "__name__", ""))
def test_a_file_that_cannot_be_analysed(make, sentence, tmp_path, capsys):
    assert sentence in complaint(["analyze", make(tmp_path), "--out", tmp_path / "o"], 1, capsys)


FORMATS = [
    ("wav", {"subtype": "PCM_16"}),
    ("flac", {}),
    ("ogg", {"subtype": "VORBIS"}),
]


@pytest.mark.parametrize(("ending", "form"), FORMATS, ids=lambda value: str(value)[:4])
def test_a_truncated_file_is_not_taken_for_a_whole_one(ending, form, cut, tmp_path, capsys):
    path = cut(ending, **form)
    said = complaint(["analyze", path, "--out", tmp_path / "o"], 1, capsys)
    assert f"{path} is truncated: it ends after " in said
    sidecar = json.loads((tmp_path / "o" / "cut.json").read_text("utf-8"))
    assert [note["kind"] for note in sidecar["notes"]] == ["cut"]
    with (tmp_path / "o" / "summary.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["note"].startswith("is truncated")
    assert 3 < float(row["duration_s"]) < 12
    assert float(row["speech_s"]) > 2
    assert row["error"] == ""


def test_a_truncated_file_among_others_is_told_in_its_row(cut, speech_wav, tmp_path, capsys):
    path = cut("wav", subtype="PCM_16")
    assert main(["analyze", str(path), str(speech_wav)]) == 0
    said = capsys.readouterr()
    assert "is truncated" in said.err
    rows = list(csv.DictReader(said.out.splitlines()))
    assert [bool(row["note"]) for row in rows] == [True, False]


@pytest.mark.parametrize(("ending", "form"), FORMATS, ids=lambda value: str(value)[:4])
def test_a_truncated_file_is_told_after_what_could_be_heard(ending, form, cut, tmp_path, capsys):
    out = tmp_path / "out.csv"
    path = cut(ending, **form)
    said = complaint(["--headless", "--input", path, "--speed", "0", "--export", out], 1, capsys)
    assert "truncated" in said
    assert len(out.read_text("utf-8").splitlines()) > 50


def test_what_is_wrong_with_a_file_is_told_by_the_monitor_too(speech, tmp_path, capsys):
    samples, rate = speech
    sound = samples[: 4 * rate] / np.float32(32768)
    sound[rate] = np.nan
    path = tmp_path / "nan.wav"
    soundfile.write(path, sound, rate, subtype="FLOAT")
    sentence = f"{path} holds 1 sample that is no number: the steps there are lost.\n"
    for arguments in (["monitor", "--headless", "--speed", "0", "--input"], ["analyze"]):
        assert main([*arguments, str(path)]) == 1
        assert capsys.readouterr().err == f"realtime-ser: error: {sentence}"
    second = tmp_path / "whole.wav"
    soundfile.write(second, samples[: 4 * rate], rate)
    assert main(["analyze", str(path), str(second)]) == 0, "of many, the column tells"
    assert capsys.readouterr().err == sentence


def test_a_voice_on_another_channel_is_named(speech, tmp_path, capsys):
    samples, rate = speech
    path = tmp_path / "right.wav"
    soundfile.write(path, np.stack([np.zeros_like(samples), samples], axis=1), rate)
    assert main(["analyze", str(path)]) == 0
    said = capsys.readouterr()
    hint = "has no speech on channel 1, but a voice on channel 2: add --channels 2"
    assert hint in said.err
    (row,) = csv.DictReader(said.out.splitlines())
    assert row["note"] == hint
    assert main(["analyze", str(path), "--channels", "2"]) == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    assert row["note"] == ""
    assert float(row["speech_s"]) > 5
    assert main(["analyze", str(path), "--channels", "1,2"]) == 0
    first, second = csv.DictReader(capsys.readouterr().out.splitlines())
    assert (first["channel"], first["speech_s"], first["label"]) == ("1", "0.00", "")
    assert (second["channel"], second["label"]) == ("2", row["label"])
    assert second["speech_s"] == row["speech_s"]


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux")
def test_names_that_are_not_utf_8_have_a_row_each(speech, tmp_path, capsys):
    samples, rate = speech
    folder = tmp_path / "in"
    folder.mkdir()
    whole = folder / "whole.wav"
    soundfile.write(whole, samples[: 3 * rate], rate)
    shutil.copy(whole, os.fsencode(folder) + b"/caf\xe9.wav")
    (folder / os.fsdecode(b"text\xe9.wav")).write_text("no sound")
    code = main(["analyze", str(folder), "--out", str(tmp_path / "out")])
    assert code == 1
    assert "Traceback" not in capsys.readouterr().err
    with (tmp_path / "out" / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["file"].rpartition("/")[2]: row for row in csv.DictReader(file)}
    assert set(rows) == {"whole.wav", "caf\\xe9.wav", "text\\xe9.wav"}
    assert rows["caf\\xe9.wav"]["error"] == ""
    assert "is text and not audio" in rows["text\\xe9.wav"]["error"]
    assert len(list((tmp_path / "out").glob("*.segments.csv"))) == 2


def test_a_file_without_the_channel_that_was_asked_for(speech_wav, tmp_path, capsys):
    out = tmp_path / "out.csv"
    arguments = ["--headless", "--input", speech_wav, "--channels", "1,2", "--export", out]
    assert "speech.wav has 1 channel, so channel 2 is not there" in complaint(arguments, 1, capsys)


# ------------------------------------------------------------------------------------------ bundles


@pytest.fixture
def bundle(bundle_folder, tmp_path):
    return shutil.copytree(bundle_folder, tmp_path / "bundle")


def altered(bundle):
    with (bundle / "model.tflite").open("ab") as file:
        file.write(b"\0")


def without_model(bundle):
    (bundle / "model.tflite").unlink()


def without_manifest(bundle):
    (bundle / "bundle.json").unlink()


def of_another_schema(bundle):
    change(bundle, lambda manifest: manifest | {"schema_version": 99})


def without_labels(bundle):
    change(bundle, lambda manifest: {k: v for k, v in manifest.items() if k != "labels"})


def not_json(bundle):
    (bundle / "bundle.json").write_text("{")


def gone(bundle):
    shutil.rmtree(bundle)


def with_changed(**values):
    """Spoil a bundle by other values in its manifest; ``...``: without the key."""

    def spoil(bundle):
        def edit(manifest):
            return {k: v for k, v in {**manifest, **values}.items() if v is not ...}

        change(bundle, edit)

    spoil.__name__ = " ".join(values)
    return spoil


def without_a_state(bundle):
    change(bundle, lambda m: m | {"states": dict(list(m["states"].items())[1:])})


def of_another_shape(bundle):
    change(bundle, lambda m: m | {"states": m["states"] | {"map_context": [1, 5, 41]}})


def of_many_bands(bundle):
    change(bundle, lambda m: m | {"features": m["features"] | {"n_mels": 10**9}})


def of_a_long_transform(bundle):
    change(bundle, lambda m: m | {"features": m["features"] | {"n_fft": 10**9}})


def deeply_nested(bundle):
    (bundle / "bundle.json").write_text("[" * 200_000)


def huge_manifest(bundle):
    with (bundle / "bundle.json").open("ab") as file:
        file.truncate(5 << 20)


def huge_file(bundle):
    with (bundle / "model.keras").open("ab") as file:
        file.truncate(20 << 30)  # a hole: it takes no room


def linked(bundle):
    kept = (bundle / "model.tflite").rename(bundle.parent / "elsewhere")
    (bundle / "model.tflite").symlink_to(kept)


def piped(bundle):
    (bundle / "model.keras").unlink()
    os.mkfifo(bundle / "model.keras")


def piped_manifest(bundle):
    (bundle / "bundle.json").unlink()
    os.mkfifo(bundle / "bundle.json")


def rehashed(bundle, name="model.tflite"):
    digest = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
    change(bundle, lambda m: m | {"files": m["files"] | {name: digest}})


def no_graph(bundle):
    (bundle / "model.tflite").write_bytes(b"no graph" * 1000)
    rehashed(bundle)


def full_of_no_numbers(bundle):
    path = bundle / "model.tflite"
    data = bytearray(path.read_bytes())
    data[2_500_000:2_504_000] = b"\x00\x00\xc0\x7f" * 1_000  # within the weights
    path.write_bytes(data)
    rehashed(bundle)


def change(bundle, edit):
    path = bundle / "bundle.json"
    path.write_text(json.dumps(edit(json.loads(path.read_text("utf-8")))))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (altered, "The file model.tflite of the model bundle {} was altered"),
        (without_model, "The model bundle {} lacks its file model.tflite"),
        (without_manifest, "The folder {} is not a model bundle"),
        (of_another_schema, "The model bundle {} has schema 99, and this program reads 1"),
        (without_labels, "{}/bundle.json is damaged at 'labels'"),
        (not_json, "{}/bundle.json is not valid JSON; fetch the bundle again"),
        (gone, "There is no model bundle at {}"),
        (with_changed(files=...), "{}/bundle.json is damaged at 'files'"),
        (with_changed(files={}), "lists no model.tflite"),
        (with_changed(files={"model.tflite": "", "/dev/zero": ""}), "files must lie in the folder"),
        (with_changed(files={"model.tflite": "", "../x": ""}), "files must lie in the folder"),
        (with_changed(states=...), "{}/bundle.json is damaged at 'states'"),
        (with_changed(temperature=1e-300), "{}/bundle.json is damaged at 'temperature'"),
        (with_changed(temperature=float("inf")), "{}/bundle.json is damaged at 'temperature'"),
        (with_changed(labels=["a", "a", "b"], baseline=None), "labels must differ from each other"),
        (with_changed(name="\x1b[2J"), "{}/bundle.json is damaged at 'name'"),
        (of_many_bands, "{}/bundle.json is damaged at 'features'"),
        (of_a_long_transform, "{}/bundle.json is damaged at 'features'"),
        (deeply_nested, "{}/bundle.json is not valid JSON"),
        (huge_manifest, "no readable bundle.json (more than 1 MB)"),
        (huge_file, "lacks its file model.keras (more than 1024 MB)"),
        (linked, "lacks its file model.tflite (not a plain file)"),
        (piped, "lacks its file model.keras (not a plain file)"),
        (piped_manifest, "no readable bundle.json (not a plain file)"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_bundle_that_is_not_whole(spoil, sentence, bundle, tmp_path, capsys):
    spoil(bundle)
    for arguments in (
        ["--headless", "--input", "demo", "--export", tmp_path / "out.csv"],
        ["analyze", tmp_path / "some.wav", "--out", tmp_path / "out"],
    ):
        said = complaint([*arguments, "--model", bundle], 1, capsys)
        assert sentence.format(bundle) in said
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (with_changed(states={}), "'states' does not name its tensors"),
        (
            with_changed(labels=["a", "b"], baseline=None),
            "'logits' has the shape (1, 8) and not (1, 2)",
        ),
        (without_a_state, "'states' does not name its tensors (map_context)"),
        (of_another_shape, "'map_context' has the shape (1, 5, 40) and not (1, 5, 41)"),
        (no_graph, "{}/model.tflite is not a step model that fits bundle.json"),
        (full_of_no_numbers, "{}/model.tflite gives results that are no numbers"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_bundle_whose_graph_does_not_fit(spoil, sentence, bundle, speech_wav, tmp_path, capsys):
    spoil(bundle)
    for arguments in (
        ["--headless", "--input", "demo", "--export", tmp_path / "out.csv"],
        ["analyze", speech_wav, "--out", tmp_path / "analysed"],
    ):
        said = complaint([*arguments, "--model", bundle], 1, capsys)
        assert sentence.format(bundle) in said
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("content", [b"no graph" * 1000, None], ids=["other", "cut"])
def test_a_bundle_whose_block_of_steps_does_not_fit(content, speech_wav, tmp_path, capsys):
    bundle = tmp_path / "bundle"
    shutil.copytree(shipped("models") / "large", bundle)
    block = bundle / "block.tflite"
    block.write_bytes(content or block.read_bytes()[:100_000])
    rehashed(bundle, "block.tflite")
    said = complaint(["analyze", speech_wav, "--jobs", "1", "--model", bundle], 1, capsys)
    assert "tflite is " in said


# ---------------------------------------------------------------------------------- configurations


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "gate: {hangover: 5}",
            "unknown setting 'gate.hangover'; did you mean 'gate.hangover_ms'?",
        ),
        ("windw: {theme: dark}", "unknown setting 'windw'; did you mean 'window'?"),
        ("theme: dark", "unknown setting 'theme'; did you mean 'window.theme'?"),
        ("gate: {mode: two}", "'gate.mode' is 'two', but input should be a valid integer"),
        ("gate: {mode: 9}", "'gate.mode' is 9, but input should be less than or equal to 3"),
        ("gate: {onset_frames: 5, onset_voiced: 6}", "onset_voiced must not exceed onset_frames"),
        ("audio: {buffer_s: .inf}", "'audio.buffer_s' is inf"),
        ("study: {participant: 007}", "'study.participant' is 7, but it must be text: put it in"),
        ("window: {theme: pink}", "'window.theme' is 'pink', but input should be 'system'"),
        ("- a list", "must hold settings such as 'model: default'"),
        ("gate: {mode: 1", "is not valid YAML near line"),
    ],
    ids=lambda value: value[:24],
)
def test_a_configuration_with_a_mistake(text, sentence, tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    said = complaint(["--headless", "--input", "demo", "--config", path], 2, capsys)
    assert sentence in said
    assert str(path) in said


def test_a_configuration_that_is_missing(tmp_path, capsys):
    said = complaint(["analyze", "x.wav", "--config", tmp_path / "none.yaml"], 2, capsys)
    assert "Cannot read the configuration" in said


# ------------------------------------------------------------------------------------------ outputs


@pytest.fixture
def blocked(tmp_path):
    """A place below a file, where nobody can write, not even the superuser."""
    file = tmp_path / "file"
    file.write_text("mine")
    return file / "below"


def test_an_export_that_cannot_be_written(blocked, capsys):
    arguments = ["--headless", "--input", "demo", "--export", blocked / "out.csv"]
    assert "choose a folder that you may write to" in complaint(arguments, 1, capsys)


@pytest.mark.parametrize("taken", ["out.csv", "out.segments.csv", "out.markers.csv", "out.json"])
def test_an_export_replaces_nothing(taken, tmp_path, capsys):
    (tmp_path / taken).write_text("mine")
    arguments = ["--headless", "--input", "demo", "--export", tmp_path / "out.csv"]
    said = complaint(arguments, 1, capsys)
    assert f"{tmp_path / taken} exists already" in said
    assert [path.name for path in tmp_path.glob("out*")] == [taken]
    assert (tmp_path / taken).read_text() == "mine"


def test_a_picture_that_cannot_be_written_is_found_out_before_the_session(
    blocked, tmp_path, capsys
):
    arguments = ["--headless", "--input", "demo", "--export", tmp_path / "out.csv"]
    said = complaint([*arguments, "--screenshot", blocked / "out.png"], 1, capsys)
    assert f"Cannot write {blocked / 'out.png'}" in said
    assert not (tmp_path / "out.csv").exists()


def test_an_analysis_that_cannot_be_written(blocked, speech_wav, capsys):
    said = complaint(["analyze", speech_wav, "--out", blocked], 1, capsys)
    assert f"Cannot write {blocked}" in said
    assert "choose a folder that you may write to" in said


@pytest.mark.skipif(sys.platform != "linux", reason="a limit stands for a full disk")
def test_a_disk_that_fills_up_ends_the_session_with_what_was_written(speech_wav, tmp_path):
    out = tmp_path / "out.csv"
    command = [*CLI, "--model", "default", "--headless", "--input", str(speech_wav)]
    command += ["--speed", "0", "--export", str(out)]

    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"Cannot write {out}" in done.stderr
    assert "that has room" in done.stderr
    assert done.stderr.count("\n") == 1
    assert 0 < out.stat().st_size <= 8192
    assert str(out) in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="a limit stands for a full disk")
def test_a_disk_that_fills_up_fails_the_files_of_an_analysis(speech_wav, tmp_path):
    command = [*CLI, "analyze", str(speech_wav), "--out", str(tmp_path / "out")]

    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "make room there, or name another as TMPDIR" in done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"summary.csv", "done-list"}
