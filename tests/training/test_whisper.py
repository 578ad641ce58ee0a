"""Whisper's encoder: weights from what people have, and its streaming form."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.paths import shipped
from realtime_ser.base.records import HOP, STEP_SPAN
from realtime_ser.recogniser.bundle import STEP_MODEL, TRAINING_MODEL, load_bundle
from realtime_ser.recogniser.features import LogMel, StepFramer, dct_matrix
from tests.training.synthetic import untrained_manifest
from training.cli import main
from training.recipe import load_recipe
from training.run_folder import Run
from training.streaming import whisper_start
from training.streaming.architecture import Architecture, Residual, Transformer
from training.streaming.convert import HALF_PRECISION_SIZE
from training.streaming.export import ROUNDED_PARITY, export_bundle
from training.streaming.network import StreamingSer, new_model
from training.streaming.quantisation import exact_int8, is_quantised, quantise
from training.streaming.recipe import WHISPER_FEATURES
from training.streaming.transformer import TransformerEncoder, positional_encoding
from training.streaming.whisper_encoder import (
    PublishedEncoder,
    load_weights,
    log_mel,
    scale,
)
from training.streaming.whisper_weights import Arrays, WhisperWeights, read_weights

WIDTH, INNER, LAYERS = 128, 96, 3


def made_arrays() -> Arrays:
    random = np.random.default_rng(0)

    def values(*shape: int) -> NDArray[np.float32]:
        drawn = random.normal(0, 0.5 / np.sqrt(shape[-1]), shape)
        return drawn.astype(np.float16).astype(np.float32)

    arrays = {
        "conv1/weight": values(WIDTH, 80, 3),
        "conv1/bias": values(WIDTH),
        "conv2/weight": values(WIDTH, WIDTH, 3),
        "conv2/bias": values(WIDTH),
        "position_encodings/encodings": values(1500, WIDTH),
        "layer_norm/gamma": values(WIDTH),
        "layer_norm/beta": values(WIDTH),
    }
    for k in range(LAYERS):
        for part in ("self_attention", "ffn"):
            arrays[f"layer_{k}/{part}/layer_norm/gamma"] = 1 + values(WIDTH)
            arrays[f"layer_{k}/{part}/layer_norm/beta"] = values(WIDTH)
        bias = values(3 * WIDTH)
        bias[WIDTH : 2 * WIDTH] = 0
        arrays[f"layer_{k}/self_attention/linear_0/weight"] = values(3 * WIDTH, WIDTH)
        arrays[f"layer_{k}/self_attention/linear_0/bias"] = bias
        arrays[f"layer_{k}/self_attention/linear_1/weight"] = values(WIDTH, WIDTH)
        arrays[f"layer_{k}/self_attention/linear_1/bias"] = values(WIDTH)
        arrays[f"layer_{k}/ffn/linear_0/weight"] = values(INNER, WIDTH)
        arrays[f"layer_{k}/ffn/linear_0/bias"] = values(INNER)
        arrays[f"layer_{k}/ffn/linear_1/weight"] = values(WIDTH, INNER)
        arrays[f"layer_{k}/ffn/linear_1/bias"] = values(WIDTH)
    return arrays


# ------------------------------------------------------------------------------------------ files


def text(value: str) -> bytes:
    raw = value.encode() + b"\0"
    return struct.pack("<H", len(raw)) + raw


def save_npz(path: Path, arrays: Arrays) -> None:
    named: dict[str, Any] = arrays
    np.savez(path, **named)


def write_ctranslate2(path: Path, arrays: Arrays, quantised: frozenset[str]) -> None:
    entries = [("decoder/layer_norm/gamma", np.ones(3, np.float32))]
    for name, values in arrays.items():
        if name in quantised:
            scale = 127.0 / np.abs(values).max(axis=1)
            entries.append((f"encoder/{name}", np.rint(values * scale[:, None]).astype(np.int8)))
            entries.append((f"encoder/{name}_scale", scale.astype(np.float32)))
        else:
            entries.append((f"encoder/{name}", values.astype(np.float16)))
    kinds = {"float32": 0, "int8": 1, "float16": 4}
    data = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(entries))
    for name, values in entries:
        data += text(name) + struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)
        data += struct.pack("<BI", kinds[values.dtype.name], values.nbytes) + values.tobytes()
    path.write_bytes(data)


def write_safetensors(path: Path, arrays: Arrays) -> None:
    """As Hugging Face names them, the encoder's layers in half precision, the rest in bfloat16."""
    once = {
        "conv1.weight": "conv1/weight",
        "conv1.bias": "conv1/bias",
        "conv2.weight": "conv2/weight",
        "conv2.bias": "conv2/bias",
        "embed_positions.weight": "position_encodings/encodings",
        "layer_norm.weight": "layer_norm/gamma",
        "layer_norm.bias": "layer_norm/beta",
    }
    theirs = {name: arrays[own] for name, own in once.items()}
    parts = {
        "self_attn_layer_norm.weight": "self_attention/layer_norm/gamma",
        "self_attn_layer_norm.bias": "self_attention/layer_norm/beta",
        "self_attn.out_proj.weight": "self_attention/linear_1/weight",
        "self_attn.out_proj.bias": "self_attention/linear_1/bias",
        "final_layer_norm.weight": "ffn/layer_norm/gamma",
        "final_layer_norm.bias": "ffn/layer_norm/beta",
        "fc1.weight": "ffn/linear_0/weight",
        "fc1.bias": "ffn/linear_0/bias",
        "fc2.weight": "ffn/linear_1/weight",
        "fc2.bias": "ffn/linear_1/bias",
    }
    for k in range(LAYERS):
        theirs |= {f"layers.{k}.{name}": arrays[f"layer_{k}/{own}"] for name, own in parts.items()}
        fused = f"layer_{k}/self_attention/linear_0"
        for place, letter in enumerate("qkv"):
            rows = slice(place * WIDTH, (place + 1) * WIDTH)
            name = f"layers.{k}.self_attn.{letter}_proj"
            theirs[f"{name}.weight"] = arrays[f"{fused}/weight"][rows]
            if letter != "k":
                theirs[f"{name}.bias"] = arrays[f"{fused}/bias"][rows]
    header: dict[str, dict[str, object]] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, values in theirs.items():
        half = name.startswith("layers")
        raw = values.astype(np.float16) if half else (values.view(np.uint32) >> 16).astype("<u2")
        header[f"model.encoder.{name}"] = {
            "dtype": "F16" if half else "BF16",
            "shape": list(values.shape),
            "data_offsets": [len(data), len(data) + raw.nbytes],
        }
        data += raw.tobytes()
    raw_header = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw_header)) + raw_header + data)


def test_all_formats_give_the_same_weights(tmp_path: Path) -> None:
    arrays = made_arrays()
    quantised = "layer_1/ffn/linear_0/weight"
    save_npz(tmp_path / "encoder.npz", arrays)
    for folder in ("ctranslate2", "face"):
        (tmp_path / folder).mkdir()
    write_ctranslate2(tmp_path / "ctranslate2" / "model.bin", arrays, frozenset({quantised}))
    write_safetensors(tmp_path / "face" / "model.safetensors", arrays)
    plain = read_weights(tmp_path / "encoder.npz")
    assert (plain.width, plain.layers, plain.heads, plain.feed_forward) == (WIDTH, 3, 2, INNER)
    for source in ("ctranslate2", "face", "face/model.safetensors"):
        found = read_weights(tmp_path / source)
        assert found.arrays.keys() == arrays.keys()
        for name, values in arrays.items():
            assert found.arrays[name].dtype == np.float32
            coarse = source == "ctranslate2" and name == quantised
            bfloat = source != "ctranslate2" and not name.startswith("layer_")
            tolerance = 2e-3 if coarse else 1e-2 * np.abs(values).max() if bfloat else 1e-3
            np.testing.assert_allclose(found.arrays[name], values, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("base.pt", "ct2-transformers-converter"),
        ("base.onnx", "CTranslate2 folder"),
        ("none.npz", "cannot be read"),
        ("other.npz", "does not hold the encoder"),
        ("other.bin", "does not hold the encoder"),
        ("other.safetensors", "does not hold the encoder"),
        ("folder", "holds neither"),
    ],
)
def test_unreadable_files_are_refused_with_advice(tmp_path: Path, name: str, advice: str) -> None:
    np.savez(tmp_path / "other.npz", weight=np.ones(3))
    for other in ("other.bin", "other.safetensors", "base.pt"):
        (tmp_path / other).write_bytes(b"no weights at all, but long enough to be looked at")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SerError, match=advice):
        read_weights(tmp_path / name)


# -------------------------------------------------------------------------------------- front end


def sound(samples: int) -> NDArray[np.float32]:
    random = np.random.default_rng(samples)
    return (random.standard_normal(samples) * np.linspace(0.01, 0.2, samples)).astype(np.float32)


def test_frames_of_the_stream_are_the_published_frames_on_another_grid() -> None:
    samples = sound(6 * 1280 + STEP_SPAN - 1280)
    front_end = LogMel(WHISPER_FEATURES)
    own = np.concatenate([front_end.spectrum(span) for span in StepFramer().push(samples)])
    # Published frames are centred at multiples of the hop, those of the stream start there.
    theirs = log_mel(np.pad(samples, (HOP - 200 % HOP, 0)))
    np.testing.assert_allclose(scale(own / 10.0)[3:40], theirs[5:42], atol=1e-4)


def test_positions_are_those_of_the_published_table() -> None:
    table = np.asarray(positional_encoding(np.arange(3.0, dtype=np.float32)[:, None], 4))
    expected = [[np.sin(k), np.sin(k / 1e4), np.cos(k), np.cos(k / 1e4)] for k in range(3)]
    np.testing.assert_allclose(table, expected, atol=1e-6)


# --------------------------------------------------------------------------------------- encoders


def architecture(look_ahead: tuple[int, ...] = (), window_s: float = 0.8) -> Architecture:
    return Architecture(
        coefficients=80,
        transformer=Transformer(
            layers=LAYERS,
            width=WIDTH,
            attention_heads=2,
            feed_forward=INNER,
            window_s=window_s,
            look_ahead=look_ahead,
        ),
        dense=8,
        lstm=8,
        statistics_heads=1,
        statistics=8,
    )


def residual_architecture() -> Architecture:
    return Architecture(
        coefficients=80,
        residual=Residual(
            width=32, feed_forward=48, dilations=(1, 2), layers=(1, 2), layer_width=WIDTH
        ),
        dense=8,
        lstm=8,
        statistics_heads=1,
        statistics=8,
    )


ENCODERS = [
    architecture(),
    architecture((1, 0, 1)),
    architecture((0, 2, 0)),
    residual_architecture(),
]


def made_model(shape: Architecture) -> StreamingSer:
    keras.utils.set_random_seed(0)
    model = new_model(shape)
    if isinstance(model.encoder, TransformerEncoder):
        load_weights(WhisperWeights(made_arrays()), model.encoder.convolutions, model.encoder.stack)
    return model


def cepstra(steps: int, seed: int = 0) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    spectrum = random.normal(-40.0, 15.0, (1, 8 * steps, 80)) - 30.0 * random.random((1, 1, 80))
    basis = dct_matrix(80, 80).T
    return np.asarray(spectrum @ basis, np.float32)


def test_one_step_without_a_past_goes_through_the_published_layers() -> None:
    model = made_model(architecture(window_s=0.08))
    frames = cepstra(1)
    own = np.asarray(model.encoder(frames))[0, 0]
    heard = np.asarray(model.encoder.spectrum(frames, {})[0])
    published = PublishedEncoder(WhisperWeights(made_arrays()))
    # Zeros are the context of the first step.
    joined = np.concatenate([np.zeros((1, 3, 80), np.float32), heard], axis=1)
    x = joined
    for convolution in published.convolutions:
        x = keras.ops.gelu(convolution(x), approximate=False)
    x = x + positional_encoding(np.arange(4.0, dtype=np.float32)[None, :, None], WIDTH)
    for layer in published.stack:
        x = layer(x)
    np.testing.assert_allclose(own[-WIDTH:], np.asarray(x)[0].mean(axis=0), atol=1e-4)


@pytest.mark.parametrize("shape", ENCODERS)
def test_no_step_hears_the_future(shape: Architecture) -> None:
    model = made_model(shape)
    frames = cepstra(30)
    changed = frames.copy()
    changed[:, 8 * 20 :] += 2.0
    one, other = np.asarray(model(frames)), np.asarray(model(changed))
    np.testing.assert_allclose(one[:, :20], other[:, :20], atol=1e-6)
    assert np.abs(one[:, 20] - other[:, 20]).max() > 1e-5


@pytest.mark.parametrize("shape", [architecture(), residual_architecture()])
def test_neither_sound_before_the_window_nor_unused_bands_matter(shape: Architecture) -> None:
    model = made_model(shape)
    basis = dct_matrix(80, 80).T
    frames = cepstra(60)
    spectrum = frames @ basis.T
    spectrum[..., 69:] = 10.0
    higher = np.asarray(model.encoder(np.asarray(spectrum @ basis, np.float32)))
    heard = np.asarray(model.encoder(frames))
    np.testing.assert_allclose(heard, higher, atol=1e-4)
    spectrum[:, :80, :60] -= 3.0  # leaves the loudest band of later steps alone
    earlier = np.asarray(model.encoder(np.asarray(spectrum @ basis, np.float32)))
    assert np.abs(earlier - heard)[0, 10:15].max() > 1e-3
    np.testing.assert_allclose(earlier[0, -10:], heard[0, -10:], atol=1e-4)


@pytest.mark.parametrize("shape", ENCODERS)
@settings(max_examples=10, deadline=None)
@given(steps=st.integers(1, 40), seed=st.integers(0, 99), data=st.data())
def test_streaming_equals_offline_for_any_split(
    shape: Architecture, steps: int, seed: int, data: st.DataObject
) -> None:
    encoder = made_model(shape).encoder
    frames = cepstra(steps, seed)
    cuts = sorted(data.draw(st.sets(st.integers(1, steps), max_size=8)) | {steps})
    states = {name: np.zeros(shape, np.float32) for name, shape in encoder.state_shapes().items()}
    found, start = [], 0
    for end in cuts:
        vectors, states = encoder.run(frames[:, 8 * start : 8 * end], states)
        found.append(np.asarray(vectors))
        start = end
    whole = np.asarray(encoder(frames))
    np.testing.assert_allclose(np.concatenate(found, axis=1), whole, atol=1e-4)


@pytest.mark.parametrize("shape", [architecture((0, 1, 0)), residual_architecture()])
def test_the_exported_step_gives_what_the_graph_gives(shape: Architecture, tmp_path: Path) -> None:
    model = made_model(shape)
    found = export_bundle(model, untrained_manifest(WHISPER_FEATURES), tmp_path / "bundle")
    assert found.graph < 1e-4
    assert found.blocks == 0.0
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.manifest.states == model.state_shapes()
    loaded = keras.models.load_model(bundle.folder / TRAINING_MODEL)
    frames = cepstra(20)
    np.testing.assert_allclose(loaded(frames), model(frames), atol=1e-5)
    assert type(loaded.encoder) is type(model.encoder)
    halves = 2 * sum(w.size for w in model.get_weights() if w.size >= HALF_PRECISION_SIZE)
    if shape.transformer is not None:  # the other one is small beside the graph itself
        assert (bundle.folder / STEP_MODEL).stat().st_size < 1.5 * halves
        assert (bundle.folder / TRAINING_MODEL).stat().st_size < 1.5 * halves


def test_rounded_weights_change_little_and_halve_the_step(tmp_path: Path) -> None:
    model, plain = (made_model(architecture((0, 1, 0))) for _ in range(2))
    manifest = untrained_manifest(WHISPER_FEATURES)
    export_bundle(plain, manifest, tmp_path / "half")
    speech = [cepstra(20, seed)[0] for seed in range(1, 9)]
    found = export_bundle(model, manifest, tmp_path / "bundle", speech)
    assert 1e-6 < found.graph <= ROUNDED_PARITY
    assert found.blocks == 0.0
    assert is_quantised(model)
    assert not is_quantised(plain)
    loaded = keras.models.load_model(tmp_path / "bundle" / TRAINING_MODEL)
    frames = cepstra(30)
    np.testing.assert_allclose(loaded(frames), model(frames), atol=1e-5)
    for file in (STEP_MODEL, TRAINING_MODEL):
        sizes = [(tmp_path / bundle / file).stat().st_size for bundle in ("bundle", "half")]
        assert sizes[0] < 0.9 * sizes[1]


def test_weights_are_rounded_better_than_each_to_the_nearest() -> None:
    model, nearest, exact = (made_model(architecture((0, 1, 0))) for _ in range(3))
    quantise(model, [cepstra(40, seed)[0] for seed in range(1, 9)])
    for layer, other in zip(model.encoder.stack, nearest.encoder.stack, strict=True):
        for dense, own in zip(layer.dense_layers, other.dense_layers, strict=True):
            if exact_int8(np.asarray(dense.kernel).T) is not None:
                kernel = np.asarray(own.kernel)
                steps = np.abs(kernel).max(axis=0) / 127
                own.kernel.assign(np.rint(kernel / steps) * steps)
    frames = cepstra(40)
    expected = np.asarray(exact(frames))
    errors = [np.abs(np.asarray(m(frames)) - expected).mean() for m in (model, nearest)]
    assert 0.0 < errors[0] < 0.85 * errors[1]


def test_weights_are_whole_numbers_only_where_that_is_exact() -> None:
    numbers = np.array([[127, -3, 0], [-126, 5, 1]], np.int8)
    steps = np.array([9 * 2.0**-12, 15 * 2.0**-16], np.float32)
    weights = numbers * steps[:, None]
    found = exact_int8(weights)
    assert found is not None
    np.testing.assert_array_equal(found[0] * found[1][:, None], weights)
    assert exact_int8(weights + np.float32(2.0**-20)) is None
    assert exact_int8(np.array([[0.1, 0.3]], np.float32)) is None


def test_sizes_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match="attention_heads"):
        Transformer(width=512, attention_heads=7)
    with pytest.raises(ValidationError, match="look_ahead"):
        Transformer(layers=3, look_ahead=(1, 1))
    for change in ("features.f_max=5400.0", "architecture.coefficients=40", "head.teachers=2"):
        with pytest.raises(UsageError, match="transformer"):
            load_recipe("large", [change])
    with pytest.raises(ValidationError, match="exclude each other"):
        Architecture(coefficients=80, transformer=Transformer(), residual=Residual())


# ------------------------------------------------------------------------------------- whole runs

TRANSFORMER = (
    f"transformer: {{layers: 3, width: {WIDTH}, attention_heads: 2, feed_forward: {INNER}, "
    "look_ahead: [0, 1, 0]}"
)
RESIDUAL = f"residual: {{width: 16, feed_forward: 24, layers: [1, 2], layer_width: {WIDTH}}}"
RECIPE = """
kind: streaming
name: tiny
corpora: [ravdess]
features: {n_fft: 400, n_mels: 80, f_min: 0.0, f_max: 8000.0, n_mfcc: 80}
architecture:
  coefficients: 80
  ENCODER
  dense: 8
  lstm: 8
  statistics_heads: 1
  statistics: 8
encoder: {epochs: 2, batch_size: 4, noise: {chance: 0.5}}
head: {epochs: 2, batch_size: 4, teachers: 0, levels: 1}
"""


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """Pieces of the demo recording under official names."""
    samples, rate = soundfile.read(shipped("demo.flac"), dtype="float32")
    folder = tmp_path / "corpora" / "ravdess"
    folder.mkdir(parents=True)
    places = iter(range(0, len(samples), 2 * rate))
    for actor in (1, 4, 8):
        for emotion in (3, 5):
            start = next(places)
            name = f"03-01-{emotion:02}-01-01-01-{actor:02}.wav"
            soundfile.write(folder / name, samples[start : start + 2 * rate], rate)
    return folder.parent


@pytest.mark.timeout(600)
@pytest.mark.parametrize("encoder", [TRANSFORMER, RESIDUAL])
def test_a_run_imitates_the_published_encoder_and_another_run_starts_from_it(
    encoder: str, corpora: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, weights = tmp_path / "tiny.yaml", tmp_path / "whisper.npz"
    recipe.write_text(RECIPE.replace("ENCODER", encoder), encoding="utf-8")
    save_npz(weights, made_arrays())
    common = ["--corpora", str(corpora), "--runs", str(tmp_path / "runs"), "--jobs", "1", "--brief"]
    assert main(["run", str(recipe), "--teacher", str(weights), *common]) == 0
    run = Run(tmp_path / "runs" / "tiny-fold1-seed0")
    losses = [row["loss"] for row in run.history()["encoder"]]
    assert len(losses) == 2
    assert np.isfinite(losses).all()
    assert main(["quantise", str(run.bundle), *common[:-1]]) == 2
    rounded_already = "rounded already" if encoder == TRANSFORMER else "has no transformer"
    assert rounded_already in capsys.readouterr().err
    later = ["--set", "encoder.pretrained=false", "--from", str(run.folder)]
    assert main(["run", str(recipe), *later, *common]) == 0
    (made,) = (tmp_path / "runs").glob("tiny-encoder*")
    one, other = (
        keras.models.load_model(folder / "bundle" / TRAINING_MODEL).encoder.get_weights()
        for folder in (run.folder, made)
    )
    for own, inherited in zip(other, one, strict=True):
        np.testing.assert_array_equal(own, inherited)

    save_npz(weights, {**made_arrays(), "conv1/weight": np.ones((3, 3), np.float32)})
    assert main(["run", str(recipe), "--seed", "1", "--teacher", str(weights), *common]) == 1
    assert "does not hold the encoder" in capsys.readouterr().err


@pytest.mark.timeout(600)
def test_a_bundle_in_half_precision_is_rounded_afterwards(corpora: Path, tmp_path: Path) -> None:
    recipe, weights = tmp_path / "tiny.yaml", tmp_path / "whisper.npz"
    recipe.write_text(RECIPE.replace("ENCODER", TRANSFORMER), encoding="utf-8")
    save_npz(weights, made_arrays())
    common = ["--corpora", str(corpora), "--runs", str(tmp_path / "runs"), "--jobs", "1"]
    half = ["--set", "int8=false", "--teacher", str(weights), "--brief"]
    assert main(["run", str(recipe), *half, *common]) == 0
    (made,) = (tmp_path / "runs").glob("tiny-int8*")
    step = made / "bundle" / STEP_MODEL
    before = step.stat().st_size
    assert main(["quantise", str(made / "bundle"), *common]) == 0
    assert step.stat().st_size < 0.9 * before
    assert is_quantised(keras.models.load_model(made / "bundle" / TRAINING_MODEL))


def test_targets_are_delayed_like_the_layers() -> None:
    vectors = np.arange(12.0).reshape(3, 4)
    late = whisper_start._delayed(vectors, [1, 2], 2)
    np.testing.assert_array_equal(late, [[0, 0, 0, 0], [0, 1, 0, 0], [4, 5, 2, 3]])
