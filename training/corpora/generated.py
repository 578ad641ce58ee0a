"""A synthetic corpus of speech-like sounds, for a first look and for tests.

Voices are a glottal pulse train through formant filters (the source-filter model: Fant, Acoustic
Theory of Speech Production, 1960), in syllables without words. Pitch, its range and course,
loudness, tempo, brightness, breath and roughness follow the label in the directions that actors'
voices take (Banse and Scherer, J. Personality and Social Psychology 70, 1996), around a speaker's
own.
"""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import writing
from realtime_ser.base.records import SAMPLE_RATE
from training.corpora.label_folders import COLUMNS, METADATA

GENERATED = "generated"
"""Default name of the corpus."""

README = "README.txt"

_LANGUAGE = "zxx"  # ISO 639-2: no linguistic content
_LEVEL_DBFS = -26.0
_NOISE_DBFS = -65.0
_FFT = 40_960  # longer than any clip with the filters' tails


@dataclass(frozen=True, slots=True)
class _Prosody:
    """Prosody of a label, relative to the speaker's neutral speech.

    Attributes
    ----------
    pitch, span, course
        Semitones: mean, size of the accents, rise from the first to the last syllable.
    syllables
        Syllables per second.
    level, tilt
        Loudness in dB, and brightness in dB an octave.
    breathiness, jitter
        Share of noise in the source, and semitones by which the pitch is rough.
    """

    pitch: float
    span: float
    course: float
    syllables: float
    level: float
    tilt: float
    breathiness: float
    jitter: float


_NEUTRAL = _Prosody(0.0, 1.5, -1.5, 4.2, 0.0, 0.0, 0.02, 0.10)
_PROSODIES = {
    "neutral": _NEUTRAL,
    "happy": _Prosody(5.5, 4.5, 2.0, 5.2, 3.0, 1.2, 0.03, 0.12),
    "sad": _Prosody(-1.5, 0.6, -3.0, 3.0, -5.0, -2.5, 0.08, 0.12),
    "angry": _Prosody(2.5, 2.5, -2.0, 5.4, 6.0, 2.5, 0.02, 0.35),
}
_INTENSITIES = {"normal": 0.9, "strong": 1.3}

#: Formants of five vowels and bandwidths in Hz, for adults (after Peterson and Barney, 1952).
_VOWELS = (
    (730, 1090, 2440),
    (530, 1840, 2480),
    (270, 2290, 3010),
    (570, 840, 2410),
    (300, 870, 2240),
)
_BANDWIDTHS = (80, 100, 140, 220)
_FOURTH_FORMANT = 3500


@dataclass(frozen=True, slots=True)
class _SpeakerTraits:
    """A speaker's own way: sex, Hz, formants' scale, and differences as in a manner."""

    sex: str
    pitch: float
    formants: float
    tempo: float
    level: float
    tilt: float


def generate_corpus(folder: Path, *, speakers: int = 8, takes: int = 6, seed: int = 0) -> Path:
    """Synthesise a corpus with a folder for each label: neutral, happy, sad and angry.

    Clips last 1.6 to 2.4 s, 16 kHz, mono, 16 bit. The same arguments give the same bytes, and each
    clip depends on nothing but the seed and its own speaker, label and take. A corpus that is
    there already stays; one that was interrupted is completed.

    Parameters
    ----------
    folder
        Folder of the corpus, which takes the folder's name.
    speakers
        Number of speakers, women and men in turn.
    takes
        Clips of each label by each speaker, of normal and strong intensity in turn.
    seed
        Seed of all random draws.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    UsageError
        The folder holds something else.
    OutputError
        The folder cannot be written.
    """
    text = _readme(speakers, takes, seed)
    with writing(folder, "make room or name another folder"):
        if not _is_empty_or_same(folder, text):
            raise UsageError(
                f"{folder} holds something else than these made-up voices; name another folder, or "
                "delete it."
            )
        if not (folder / METADATA).exists():
            _generate(folder, text, speakers, takes, seed)
    return folder


def _is_empty_or_same(folder: Path, text: str) -> bool:
    if not folder.exists() or not any(folder.iterdir()):
        return True
    readme = folder / README
    return readme.is_file() and readme.read_bytes() == text.encode()


def _generate(folder: Path, text: str, speakers: int, takes: int, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / README).write_bytes(text.encode())
    rows = []
    for number in range(1, speakers + 1):
        voice = _draw_speaker(number, seed)
        for k, (label, prosody) in enumerate(_PROSODIES.items()):
            for take in range(1, takes + 1):
                intensity = "normal" if take % 2 or label == "neutral" else "strong"
                random = np.random.default_rng([seed, number, k, take])
                sound = _synthesise_clip(
                    voice, _vary_prosody(prosody, _INTENSITIES[intensity], random), random
                )
                path = folder / label / f"{number:02}" / f"{take:02}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(_wav(sound))
                file = path.relative_to(folder).as_posix()
                rows.append((file, f"{number:02}", voice.sex, intensity, _LANGUAGE))
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([("file", *COLUMNS), *rows])
    # Written last, as the sign that the corpus is complete.
    (folder / METADATA).write_bytes(table.getvalue().encode())


def _readme(speakers: int, takes: int, seed: int) -> str:
    return (
        "Synthetic sounds, not recordings of anybody: pulse trains through filters, in\n"
        "syllables without words. They show how training, reports and prediction work. A model\n"
        "that learned from them knows nothing of human voices, and its figures say nothing\n"
        "about any other model: for real use both are worthless.\n"
        "\n"
        f"{speakers} voices, {takes} takes of each label, seed {seed}.\n"
    )


def _wav(sound: NDArray[np.float64]) -> bytes:
    # Written in memory, so that a full disk is an ordinary OSError.
    file = io.BytesIO()
    soundfile.write(file, sound, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


# ------------------------------------------------------------------------------------------ voices


def _draw_speaker(number: int, seed: int) -> _SpeakerTraits:
    random = np.random.default_rng([seed, number])
    female = number % 2 == 1
    return _SpeakerTraits(
        sex="female" if female else "male",
        pitch=(205.0 if female else 115.0) * 2.0 ** (random.uniform(-2.5, 2.5) / 12.0),
        formants=(1.0 if female else 0.87) * random.uniform(0.96, 1.04),
        tempo=random.uniform(0.9, 1.1),
        level=random.uniform(-2.0, 2.0),
        tilt=random.uniform(-0.8, 0.8),
    )


def _vary_prosody(prosody: _Prosody, intensity: float, random: np.random.Generator) -> _Prosody:
    """The manner as far as this take goes: no two alike, and some hardly there."""
    own = np.array(astuple(_NEUTRAL))
    extent = intensity * random.uniform(0.55, 1.15, len(own))
    variation = np.array([0.8, 0.4, 0.8, 0.3, 1.0, 0.6, 0.01, 0.03]) * random.standard_normal(
        len(own)
    )
    lowest = np.array([-12.0, 0.2, -12.0, 2.2, -20.0, -6.0, 0.0, 0.02])
    return _Prosody(*np.maximum(own + extent * (astuple(prosody) - own) + variation, lowest))


def _synthesise_clip(
    voice: _SpeakerTraits, prosody: _Prosody, random: np.random.Generator
) -> NDArray[np.float64]:
    """An utterance with a short silence at both ends."""
    total = round(random.uniform(1.6, 2.4) * SAMPLE_RATE)
    first, last = (round(random.uniform(0.08, 0.16) * SAMPLE_RATE) for _ in range(2))
    speech = _utterance(voice, prosody, total - first - last, random)
    speech *= _amplitude(_LEVEL_DBFS + voice.level + prosody.level) / np.sqrt(np.mean(speech**2))
    sound = _amplitude(_NOISE_DBFS) * random.standard_normal(total)
    sound[first : total - last] += speech
    loudest = np.abs(sound).max()
    return np.asarray(sound / max(1.0, loudest / 0.99))


def _utterance(
    voice: _SpeakerTraits, prosody: _Prosody, count: int, random: np.random.Generator
) -> NDArray[np.float64]:
    syllables = max(3, round(prosody.syllables * voice.tempo * count / SAMPLE_RATE))
    # Ends of the syllables, no two of one length; the place of each sample among them.
    ends = np.cumsum(random.uniform(0.7, 1.3, syllables))
    position = np.interp(
        np.arange(count) / count * ends[-1], [0.0, *ends], np.arange(syllables + 1)
    )
    pitch_hz = _pitch_contour(voice, prosody, position, random)
    source = _glottal_flow(pitch_hz)
    source += prosody.breathiness * random.standard_normal(count) * source.std()
    return _vowels(source, voice, prosody, position, random) * _syllable_envelope(position, random)


def _pitch_contour(
    voice: _SpeakerTraits,
    prosody: _Prosody,
    position: NDArray[np.float64],
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """Fundamental frequency at each sample in Hz: accents on syllables, vibrato and jitter."""
    syllables = round(position[-1])
    accents = prosody.span * random.standard_normal(syllables + 1)
    course = prosody.course * (np.linspace(-0.5, 0.5, syllables + 1))
    semitones = prosody.pitch + np.interp(position, np.arange(syllables + 1), accents + course)
    time = np.arange(len(position)) / SAMPLE_RATE
    semitones += 0.15 * np.sin(2.0 * np.pi * (5.0 * time + random.uniform()))
    # A new step every 5 ms or so: one a pulse.
    knots = np.arange(0.0, time[-1] + 0.01, 0.005)
    semitones += np.interp(time, knots, prosody.jitter * random.standard_normal(len(knots)))
    return np.asarray(voice.pitch * 2.0 ** (np.clip(semitones, -9.0, 15.0) / 12.0))


def _glottal_flow(pitch_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Derivative of the glottal flow (Rosenberg, J. Acoust. Soc. Am. 49, 1971)."""
    phase = np.cumsum(pitch_hz / SAMPLE_RATE) % 1.0
    opening, closing = 0.4, 0.16
    flow = np.where(
        phase < opening,
        0.5 * (1.0 - np.cos(np.pi * phase / opening)),
        np.cos(0.5 * np.pi * np.minimum(1.0, (phase - opening) / closing)),
    )
    return np.diff(flow, prepend=0.0)


def _vowels(
    source: NDArray[np.float64],
    voice: _SpeakerTraits,
    prosody: _Prosody,
    position: NDArray[np.float64],
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """Pass the source through every vowel's filter, and go from one to the next."""
    syllables = round(position[-1])
    chosen = random.integers(0, len(_VOWELS), syllables)
    spectrum = np.fft.rfft(source, _FFT) * _tilt_gains(voice.tilt + prosody.tilt)
    sound = np.zeros(len(source))
    for k, vowel in enumerate(_VOWELS):
        if k in chosen:
            filtered = np.fft.irfft(spectrum * _formant_response(vowel, voice.formants), _FFT)
            share = np.interp(position, np.arange(syllables) + 0.5, (chosen == k).astype(float))
            sound += share * filtered[: len(source)]
    return sound


def _formant_response(vowel: tuple[int, int, int], scale: float) -> NDArray[np.complex128]:
    """Response of resonators in series (Klatt, J. Acoust. Soc. Am. 67, 1980), shape ``(bins,)``."""
    delay = np.exp(-2j * np.pi * np.arange(_FFT // 2 + 1) / _FFT)
    response = np.ones(len(delay), np.complex128)
    for frequency, bandwidth in zip((*vowel, _FOURTH_FORMANT), _BANDWIDTHS, strict=True):
        radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
        turn = -2.0 * radius * np.cos(2.0 * np.pi * frequency * scale / SAMPLE_RATE)
        response *= (1.0 + turn + radius**2) / (1.0 + turn * delay + radius**2 * delay**2)
    return response


def _tilt_gains(tilt: float) -> NDArray[np.float64]:
    """Gain of each bin for a slope in dB an octave around 500 Hz, shape ``(bins,)``."""
    frequencies = np.maximum(100.0, np.arange(_FFT // 2 + 1) * SAMPLE_RATE / _FFT)
    return np.asarray(_amplitude(tilt * np.log2(frequencies / 500.0)))


def _syllable_envelope(
    position: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Rise and fall of each syllable, never to nothing: what is voiced runs on."""
    stress = random.uniform(0.6, 1.0, round(position[-1]))
    syllable = np.minimum(position.astype(int), len(stress) - 1)
    swell = 0.2 + 0.8 * np.sin(np.pi * (position % 1.0)) ** 2
    fade = np.minimum(1.0, np.minimum(position, position[-1] - position) / 0.15)
    return np.asarray(stress[syllable] * swell * np.clip(fade, 0.0, 1.0))


def _amplitude(decibels: NDArray[np.float64] | float) -> Any:
    return 10.0 ** (decibels / 20.0)
