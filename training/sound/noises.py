"""Synthesised noises, each a function of its length and of a random generator.

Those of :data:`TRAINING_NOISES` may be mixed into what a model learns from; those of
:data:`TEST_NOISES` are kept for measuring, so that a figure tells what an unheard kind of noise
costs. Either side has steady and changing, broad and tonal kinds: white, pink, blue, rain and hum
are steady, clicks and babble come and go; brown and fan are steady, music and clatter are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve  # type: ignore[import-untyped]

from realtime_ser.base.errors import UsageError
from realtime_ser.base.records import SAMPLE_RATE
from training.sound.recordings import speech_bounds

TrainingNoise: TypeAlias = Literal["white", "pink", "blue", "hum", "rain", "clicks", "babble"]
TestNoise: TypeAlias = Literal["brown", "fan", "music", "clatter"]

TRAINING_NOISES: tuple[TrainingNoise, ...] = get_args(TrainingNoise)
TEST_NOISES: tuple[TestNoise, ...] = get_args(TestNoise)

BABBLE = "babble"
"""Kind of noise made of recordings of training speakers."""

Samples: TypeAlias = NDArray[np.float32]

_LOWEST_HZ = 20.0
_NYQUIST_HZ = SAMPLE_RATE / 2


def make_noise(
    kind: str, seconds: float, random: np.random.Generator, speech: Sequence[Samples] = ()
) -> Samples:
    """Noise of a kind, by its name.

    Parameters
    ----------
    kind
        A name of :data:`TRAINING_NOISES` or :data:`TEST_NOISES`.
    seconds
        Its length.
    random
        Where all of its chance comes from.
    speech
        Recordings for babble, each at 16 kHz.

    Returns
    -------
    ndarray, shape (n,)
        16 kHz, RMS 1.

    Raises
    ------
    UsageError
        There is no such kind, or nothing to make babble of.
    """
    if kind == BABBLE:
        return babble(seconds, random, speech)
    check_kinds([kind], has_speech=True)
    return _SYNTHESISED[kind](seconds, random)


def check_kinds(kinds: Iterable[str], *, has_speech: bool) -> None:
    """Make sure that noises can be made.

    Raises
    ------
    UsageError
        A kind is not known, or babble is wanted without speech.
    """
    for kind in kinds:
        if kind != BABBLE and kind not in _SYNTHESISED:
            known = ", ".join((*TRAINING_NOISES, *TEST_NOISES))
            raise UsageError(f"There is no noise '{kind}'; known ones are {known}.")
        if kind == BABBLE and not has_speech:
            raise UsageError("Babble is made of recordings of speech; give some.")


# ----------------------------------------------------------------------------------------- colours


def white(seconds: float, random: np.random.Generator) -> Samples:
    """Equal power at all frequencies from 20 Hz up."""
    return _coloured(seconds, random, 0.0)


def pink(seconds: float, random: np.random.Generator) -> Samples:
    """Falls by 3 dB an octave."""
    return _coloured(seconds, random, 0.5)


def brown(seconds: float, random: np.random.Generator) -> Samples:
    """Falls by 6 dB an octave."""
    return _coloured(seconds, random, 1.0)


def blue(seconds: float, random: np.random.Generator) -> Samples:
    """Rises by 3 dB an octave."""
    return _coloured(seconds, random, -0.5)


def _coloured(seconds: float, random: np.random.Generator, exponent: float) -> Samples:
    count = _length(seconds)
    spectrum = np.fft.rfft(random.standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1.0 / SAMPLE_RATE)
    audible = frequencies >= _LOWEST_HZ
    spectrum[~audible] = 0.0
    spectrum[audible] *= frequencies[audible] ** -exponent
    return unit_rms(np.fft.irfft(spectrum, count))


# ---------------------------------------------------------------------------------------- machines


def hum(seconds: float, random: np.random.Generator) -> Samples:
    """Mains of 50 or 60 Hz with twenty harmonics, and some hiss."""
    count = _length(seconds)
    sound = 0.01 * random.standard_normal(count)
    mains_hz = random.choice((50.0, 60.0))
    time = np.arange(count) / SAMPLE_RATE
    for harmonic in range(1, 21):
        phase = random.uniform(0.0, 2.0 * np.pi)
        sound += np.sin(2.0 * np.pi * mains_hz * harmonic * time + phase) / harmonic
    return unit_rms(sound)


def fan(seconds: float, random: np.random.Generator) -> Samples:
    """Blades that pass 70 to 180 times a second, unevenly, in a stream of air."""
    count = _length(seconds)
    speed_hz = random.uniform(70.0, 180.0) * (1.0 + 0.01 * _drift(count, random))
    turn = 2.0 * np.pi * np.cumsum(speed_hz) / SAMPLE_RATE
    blades = random.integers(3, 8)
    tones = sum(np.sin(k * turn + random.uniform(0, 2 * np.pi)) / k for k in range(1, 7))
    air = _coloured(seconds, random, 0.7) * (1.0 + 0.3 * np.sin(turn / blades))
    return unit_rms(air + random.uniform(0.3, 0.8) * np.asarray(tones))


def _drift(count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Slow wandering about 0 with deviation 1, a new value each half second."""
    points = random.standard_normal(2 + count // (SAMPLE_RATE // 2))
    return np.interp(np.arange(count) / (SAMPLE_RATE // 2), np.arange(len(points)), points)


# ----------------------------------------------------------------------------------------- impacts


def clicks(seconds: float, random: np.random.Generator) -> Samples:
    """Somebody types: six to nine strokes a second in bursts, each key down and up."""
    count = _length(seconds)
    strokes = int(seconds * 10) + 10
    pauses = random.lognormal(np.log(0.12), 0.4, strokes)
    pauses += np.where(random.random(strokes) < 0.08, random.uniform(0.3, 1.0, strokes), 0.0)
    down = np.cumsum(pauses) - random.uniform(0.1, 0.4)
    up = down + random.uniform(0.06, 0.12, strokes)
    keys = [_key(random) for _ in range(4)]
    sound = _struck(count, down, keys, random)
    sound += 0.4 * _struck(count, up, keys[::-1], random)
    return unit_rms(unit_rms(sound) + 0.02 * random.standard_normal(count))


def _key(random: np.random.Generator) -> NDArray[np.float64]:
    """A key's click: a burst of a few milliseconds, the plate's ring and the desk's thump."""
    time = np.arange(SAMPLE_RATE // 16) / SAMPLE_RATE
    burst = random.standard_normal(len(time)) * np.exp(-time / random.uniform(0.0008, 0.002))
    ring = _ping(time, random.uniform(1500.0, 5000.0, 3), 0.006, random)
    thump = _ping(time, random.uniform(120.0, 350.0, 1), 0.015, random)
    return burst + 0.6 * ring + 0.5 * thump


def clatter(seconds: float, random: np.random.Generator) -> Samples:
    """A café: crockery and cutlery that ring, four times a second, over a murmur."""
    count = _length(seconds)
    pieces = [_piece(random) for _ in range(6)]
    knocks = random.uniform(0.0, seconds, random.poisson(4.0 * seconds) + 1)
    ringing = unit_rms(_struck(count, knocks, pieces, random))
    murmur = unit_rms(brown(seconds, random) * (1.0 + 0.4 * _drift(count, random)))
    return unit_rms(ringing + random.uniform(0.2, 0.5) * murmur)


def _piece(random: np.random.Generator) -> NDArray[np.float64]:
    """A plate, cup or spoon: some inharmonic modes, the high ones shorter."""
    time = np.arange(SAMPLE_RATE // 3) / SAMPLE_RATE
    base_hz = random.uniform(900.0, 2500.0)
    modes = base_hz * np.cumprod([1.0, *random.uniform(1.15, 1.6, 5)])
    return _ping(time, modes[modes < 0.95 * _NYQUIST_HZ], random.uniform(0.02, 0.09), random)


def rain(seconds: float, random: np.random.Generator) -> Samples:
    """Drops by the hundred on a hard ground, over the hiss of those further away."""
    count = _length(seconds)
    time = np.arange(SAMPLE_RATE // 100) / SAMPLE_RATE
    drops = [
        random.standard_normal(len(time)) * np.exp(-time / random.uniform(0.0002, 0.001))
        for _ in range(16)
    ]
    falls = random.uniform(0.0, seconds, random.poisson(random.uniform(80.0, 250.0) * seconds) + 1)
    near = unit_rms(_struck(count, falls, drops, random))
    return unit_rms(near + random.uniform(0.7, 1.5) * blue(seconds, random))


def _ping(
    time: NDArray[np.float64],
    modes_hz: NDArray[np.float64],
    decay_s: float,
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """Impulse response of a struck body: damped modes, the high ones shorter."""
    sound = np.zeros(len(time))
    for mode_hz in modes_hz:
        damped = np.exp(-time / decay_s * np.sqrt(mode_hz / modes_hz[0]))
        sound += random.uniform(0.3, 1.0) * damped * np.sin(2.0 * np.pi * mode_hz * time)
    return sound


def _struck(
    count: int,
    times_s: NDArray[np.float64],
    sounds: Sequence[NDArray[np.float64]],
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """Each blow makes one of the sounds, some loud and most not; those outside are left out."""
    places = np.round(times_s * SAMPLE_RATE).astype(int)
    places = places[(places >= 0) & (places < count)]
    loudness = random.lognormal(0.0, 0.5, len(places))
    which = random.integers(len(sounds), size=len(places))
    out = np.zeros(count)
    for number, sound in enumerate(sounds):
        blows = np.zeros(count)
        np.add.at(blows, places[which == number], loudness[which == number])
        out += oaconvolve(blows, sound)[:count]
    return out


# ------------------------------------------------------------------------------------------- music

_PROGRESSIONS = ((0, 9, 5, 7), (9, 5, 0, 7), (0, 5, 7, 0), (2, 7, 0, 9))
"""Roots of chords in semitones above the key's tonic."""

_MINOR_ROOTS = (2, 4, 9)


def music(seconds: float, random: np.random.Generator) -> Samples:
    """Chords, an arpeggio over them and a bass, in some key, tempo and colour of sound."""
    count = _length(seconds)
    beat_s = 60.0 / random.uniform(70.0, 140.0)
    tonic_hz = 110.0 * 2.0 ** (random.integers(0, 12) / 12.0)
    progression = _PROGRESSIONS[random.integers(len(_PROGRESSIONS))]
    falling = random.uniform(0.8, 1.8)
    sound = np.zeros(count)

    def play(start_s: float, length_s: float, semitones: int, gain: float) -> None:
        hz = tonic_hz * 2.0 ** (semitones / 12.0) * (1.0 + 0.002 * random.standard_normal())
        note = gain * _note(hz, length_s, falling, random)
        first = round(start_s * SAMPLE_RATE)  # may be negative
        part = sound[max(0, first) : max(0, first + len(note))]
        skipped = max(0, -first)
        part += note[skipped : skipped + len(part)]

    start_s = -random.uniform(0.0, 4.0) * beat_s
    bar = int(random.integers(len(progression)))
    while start_s < seconds:
        root = progression[bar % len(progression)]
        chord = [root, root + (3 if root in _MINOR_ROOTS else 4), root + 7]
        play(start_s, 4.0 * beat_s, root - 12, 0.8)
        for semitones in chord:
            play(start_s, 4.0 * beat_s, semitones, 0.35)
        for eighth in range(8):
            semitones = chord[random.integers(3)] + 12
            play(start_s + 0.5 * eighth * beat_s, 0.8 * beat_s, semitones, 0.5)
        start_s += 4.0 * beat_s
        bar += 1
    return unit_rms(sound)


def _note(
    hz: float, seconds: float, falling: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """A plucked note: harmonics that fall with their number and fade, the high ones sooner."""
    time = np.arange(_length(seconds)) / SAMPLE_RATE
    envelope = np.minimum(1.0, time / 0.008) * np.minimum(1.0, (seconds - time) / 0.03)
    note = np.zeros(len(time))
    for harmonic in range(1, min(8, int(0.9 * _NYQUIST_HZ / hz)) + 1):
        faded = np.exp(-time * (0.8 + 0.5 * harmonic)) / harmonic**falling
        phase = random.uniform(0.0, 2.0 * np.pi)
        note += envelope * faded * np.sin(2.0 * np.pi * hz * harmonic * time + phase)
    return note


# ------------------------------------------------------------------------------------------ babble

_TALKERS = 8


def babble(seconds: float, random: np.random.Generator, speech: Sequence[Samples]) -> Samples:
    """Babble of eight talkers at the same level.

    Parameters
    ----------
    seconds, random
        Length in seconds, and source of all random draws.
    speech
        Recordings at 16 kHz. Each talker repeats them in a random order, without the silence ahead
        of and behind each.

    Raises
    ------
    UsageError
        There is no recording.
    """
    check_kinds([BABBLE], has_speech=any(len(sound) for sound in speech))
    count = _length(seconds)
    return unit_rms(np.sum([_monologue(count, random, speech) for _ in range(_TALKERS)], axis=0))


def _monologue(count: int, random: np.random.Generator, speech: Sequence[Samples]) -> Samples:
    parts: list[Samples] = []
    lacking = count
    while lacking > 0:
        sound = speech[int(random.integers(len(speech)))]
        part = sound[slice(*speech_bounds(sound))]
        if not parts and len(part):
            part = part[random.integers(len(part)) :]
        parts.append(unit_rms(part))
        lacking -= len(part)
    return unit_rms(np.concatenate(parts)[:count])


# -----------------------------------------------------------------------------------------------

_SYNTHESISED: Mapping[str, Callable[[float, np.random.Generator], Samples]] = {
    noise.__name__: noise
    for noise in (white, pink, blue, hum, rain, clicks, brown, fan, music, clatter)
}


def unit_rms(sound: NDArray[np.floating]) -> Samples:
    """Samples scaled to an RMS of 1; silence stays silence."""
    rms = _rms(sound)
    return (sound / rms if rms > 0 else sound).astype(np.float32)


def _rms(sound: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) if len(sound) else 0.0


def _length(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
