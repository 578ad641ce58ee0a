"""Synthesised sounds that open a speech gate and are no speech, from other draws each time.

Instruments, signals of telephones, sirens and alarms, machines, keys, puffs, animals; and what
people do with their voices besides speaking, by a source and formants: whisper,
laughter, crying, coughs, sneezes, sighs.
Each is a function of its length and of a random generator, at 16 kHz and with an RMS of 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt  # type: ignore[import-untyped]

from realtime_ser.base.records import SAMPLE_RATE
from training.sound.noises import (
    Samples,
    clatter,
    clicks,
    fan,
    hum,
    music,
    pink,
    rain,
    unit_rms,
    white,
)

Maker = Callable[[float, np.random.Generator], Samples]
_Wave = NDArray[np.float64]

_TOP_HZ = 7600.0


def _count(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def _time(seconds: float) -> _Wave:
    return np.arange(_count(seconds)) / SAMPLE_RATE


def _phase(hz: _Wave | float, count: int) -> _Wave:
    return 2.0 * np.pi * np.cumsum(np.broadcast_to(hz, count)) / SAMPLE_RATE


def _edges(wave: _Wave, rise_s: float, fall_s: float) -> _Wave:
    """Fade in and out, in place."""
    rise, fall = min(len(wave), _count(rise_s)), min(len(wave), _count(fall_s))
    wave[:rise] *= np.linspace(0.0, 1.0, rise)
    wave[len(wave) - fall :] *= np.linspace(1.0, 0.0, fall)
    return wave


def _harmonics(
    hz: _Wave | float, count: int, amplitudes: _Wave, random: np.random.Generator
) -> _Wave:
    """Sum of harmonics of a fundamental that may move."""
    phase, top = _phase(hz, count), float(np.max(hz))
    wave = np.zeros(count)
    for number, amplitude in enumerate(amplitudes, 1):
        if number * top > _TOP_HZ:
            break
        wave += amplitude * np.sin(number * phase + random.uniform(0.0, 2.0 * np.pi))
    return wave


def _add(sound: _Wave, at_s: float, wave: _Wave) -> None:
    first = _count(at_s)
    if first < len(sound):
        part = sound[first : first + len(wave)]
        part += wave[: len(part)]


def _pick(random: np.random.Generator, *choices: float) -> float:
    return float(choices[int(random.integers(len(choices)))])


# ------------------------------------------------------------------------------------- instruments

_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9), tuple(range(12)))


def _tune(
    seconds: float,
    random: np.random.Generator,
    note: Callable[[float, float], _Wave],
    range_hz: tuple[float, float],
    voices: int = 3,
) -> _Wave:
    """Melody and chords of an instrument's notes, which overlap or not."""
    sound = np.zeros(_count(seconds))
    scale = _SCALES[int(random.integers(len(_SCALES)))]
    low, high = (12.0 * np.log2(hz / 55.0) for hz in range_hz)
    tones = [12 * octave + step for octave in range(-1, 9) for step in scale]
    tones = [tone for tone in tones if low <= tone <= high]
    tune_hz = 55.0 * 2.0 ** random.uniform(-0.04, 0.04)
    beat_s = random.uniform(0.12, 0.9)
    even = random.random() < 0.5
    hold = random.uniform(0.7, 3.0)
    place, at_s = int(random.integers(len(tones))), 0.0 if random.random() < 0.7 else 0.4
    while at_s < seconds:
        length_s = beat_s * (1.0 if even else _pick(random, 0.5, 1.0, 1.0, 1.5, 2.0))
        place = int(np.clip(place + random.integers(-4, 5), 0, len(tones) - 1))
        chord = {place} | {
            int(np.clip(place + shift, 0, len(tones) - 1))
            for shift in (2, 4, -3, 7)[: int(random.integers(0, voices + 1))]
        }
        for tone in chord:
            hz = tune_hz * 2.0 ** (tones[tone] / 12.0)
            _add(sound, at_s, random.uniform(0.5, 1.0) * note(hz, length_s * hold + 0.05))
        at_s += length_s + (random.uniform(0.1, 0.8) if random.random() < 0.08 else 0.0)
    return sound


def piano(seconds: float, random: np.random.Generator) -> Samples:
    """Struck strings, stiff, each partial with a decay of its own, and a hammer's knock."""
    stiffness = random.uniform(0.5e-4, 8e-4)
    slope = random.uniform(0.5, 1.6)
    decay = random.uniform(0.6, 4.0)
    knock = random.uniform(0.0, 0.2)
    partials = int(random.integers(4, 16))

    def note(hz: float, length_s: float) -> _Wave:
        time = _time(max(length_s, 0.2))
        wave = np.zeros(len(time))
        for n in range(1, partials + 1):
            partial_hz = n * hz * np.sqrt(1.0 + stiffness * n * n)
            if partial_hz > _TOP_HZ:
                break
            fade = np.exp(-time * decay * (0.5 + 0.3 * n) * (hz / 260.0) ** 0.5)
            wave += fade * np.sin(2 * np.pi * partial_hz * time + random.uniform(0, 6.3)) / n**slope
        wave[: _count(0.03)] += knock * random.standard_normal(min(len(wave), _count(0.03)))
        return _edges(wave, random.uniform(0.001, 0.01), 0.05)

    return unit_rms(_tune(seconds, random, note, (65.0, 1000.0)))


def plucked(seconds: float, random: np.random.Generator) -> Samples:
    """Guitar, harp, pizzicato: Karplus and Strong's string."""
    bright, ring = random.uniform(0.3, 1.0), random.uniform(0.985, 0.9995)

    def note(hz: float, length_s: float) -> _Wave:
        lag = max(2, round(SAMPLE_RATE / hz))
        count = _count(max(length_s, 0.3))
        burst = np.zeros(count)
        burst[:lag] = lfilter([bright], [1.0, bright - 1.0], random.standard_normal(lag))[:count]
        loop = np.zeros(lag + 2)
        loop[0], loop[lag], loop[lag + 1] = 1.0, -0.5 * ring, -0.5 * ring
        return _edges(np.asarray(lfilter([1.0], loop, burst)), 0.001, 0.05)

    return unit_rms(_tune(seconds, random, note, (80.0, 700.0)))


def bells(seconds: float, random: np.random.Generator) -> Samples:
    """Bells, marimba, glockenspiel, steel drums: modes that are no harmonics."""
    modes = np.cumprod([1.0, *random.uniform(1.3, 2.9, 5)])
    decay = random.uniform(1.5, 12.0)

    def note(hz: float, length_s: float) -> _Wave:
        time = _time(max(length_s, 0.3))
        wave = np.zeros(len(time))
        for number, mode in enumerate(modes, 1):
            if mode * hz < _TOP_HZ:
                fade = np.exp(-time * decay * (0.6 + 0.4 * number))
                wave += fade * np.sin(2 * np.pi * mode * hz * time) / number
        return _edges(wave, 0.002, 0.05)

    return unit_rms(_tune(seconds, random, note, (180.0, 2000.0)))


def sustained(seconds: float, random: np.random.Generator) -> Samples:
    """Organ, strings, winds, brass, synthesiser: held notes, with or without vibrato."""
    harmonics = int(random.integers(1, 20))
    amplitudes = np.arange(1, harmonics + 1) ** -random.uniform(0.3, 2.0)
    if random.random() < 0.3:
        amplitudes[1::2] *= random.uniform(0.0, 0.3)
    bumps_hz, width = random.uniform(300.0, 3000.0, 2), random.uniform(150.0, 800.0)
    vibrato = 0.0 if random.random() < 0.4 else random.uniform(0.002, 0.02)
    rate_hz, rise_s = random.uniform(4.0, 7.0), random.uniform(0.005, 0.15)
    breath = 0.0 if random.random() < 0.5 else random.uniform(0.01, 0.1)

    def note(hz: float, length_s: float) -> _Wave:
        time = _time(max(length_s, 0.1))
        moving = hz * (1.0 + vibrato * np.sin(2 * np.pi * rate_hz * time))
        places = hz * np.arange(1, harmonics + 1)
        body = 0.3 + sum(np.exp(-(((places - bump) / width) ** 2)) for bump in bumps_hz)
        wave = _harmonics(moving, len(time), amplitudes * body, random)
        wave += breath * random.standard_normal(len(time))
        return _edges(wave, rise_s, random.uniform(0.02, 0.2))

    return unit_rms(_tune(seconds, random, note, (65.0, 1000.0)))


def drums(seconds: float, random: np.random.Generator) -> Samples:
    """Bass drum, snare and cymbals in a pattern."""
    sound = np.zeros(_count(seconds))
    beat_s = random.uniform(0.1, 0.35)
    drum_hz = random.uniform(45.0, 200.0)
    for number in range(int(seconds / beat_s) + 1):
        time = _time(0.3)
        if number % 4 == 0 or random.random() < 0.2:
            hz = drum_hz * (1.0 + 2.0 * np.exp(-time * 40.0))
            _add(sound, number * beat_s, np.sin(_phase(hz, len(time))) * np.exp(-time * 12.0))
        if number % 4 == 2 or random.random() < 0.1:
            rattle = random.standard_normal(len(time)) * np.exp(-time * 20.0)
            _add(
                sound,
                number * beat_s,
                0.6 * rattle + 0.4 * np.sin(6.28 * 190 * time) * np.exp(-time * 25),
            )
        if random.random() < 0.8:
            hiss = np.diff(random.standard_normal(len(time) + 1)) * np.exp(-time * 60.0)
            _add(sound, number * beat_s, 0.2 * hiss)
    return unit_rms(sound)


def band(seconds: float, random: np.random.Generator) -> Samples:
    """Several instruments and drums together."""
    makers = (piano, plucked, bells, sustained, music, drums)
    chosen = random.choice(len(makers), int(random.integers(2, 4)), replace=False)
    return unit_rms(
        np.sum([random.uniform(0.3, 1.0) * makers[k](seconds, random) for k in chosen], 0)
    )


# ----------------------------------------------------------------------------------------- signals

_DTMF_HZ = ((697, 770, 852, 941), (1209, 1336, 1477, 1633))
_TELEPHONE = (
    # frequencies in Hz, and seconds on and off: ringing, busy, dial tones of several countries
    ((440, 480), (2.0, 4.0)),
    ((400, 450), (0.4, 0.2, 0.4, 2.0)),
    ((425,), (1.0, 4.0)),
    ((440,), (1.5, 3.5)),
    ((400, 425), (1.0, 2.0)),
    ((480, 620), (0.5, 0.5)),
    ((425,), (0.5, 0.5)),
    ((425,), (0.25, 0.25)),
    ((350, 440), (8.0, 0.1)),
    ((950, 1400, 1800), (0.33, 0.05)),
)


def telephone(seconds: float, random: np.random.Generator) -> Samples:
    """Ringing, busy and dial tones, and tones of any other exchange."""
    if random.random() < 0.6:
        tones, cadence = _TELEPHONE[int(random.integers(len(_TELEPHONE)))]
        hz = [tone * random.uniform(0.98, 1.02) for tone in tones]
    else:
        hz = list(random.uniform(300.0, 1500.0, int(random.integers(1, 4))))
        cadence = tuple(random.uniform(0.15, 3.0, 2))
    sound = np.zeros(_count(seconds))
    at_s, number = 0.0 if random.random() < 0.5 else random.uniform(0.0, 1.0), 0
    in_turn = len(hz) > 2
    while at_s < seconds:
        length_s = cadence[number % len(cadence)]
        if number % 2 == 0:
            time = _time(length_s)
            chosen = [hz[(number // 2) % len(hz)]] if in_turn else hz
            wave = np.sum([np.sin(2 * np.pi * tone * time) for tone in chosen], axis=0)
            if random.random() < 0.15:  # a bell of old, or a warble
                wave = wave * (1.0 + 0.8 * np.sign(np.sin(2 * np.pi * 20.0 * time)))
            _add(sound, at_s, _edges(np.asarray(wave), 0.005, 0.005))
        at_s, number = at_s + length_s, number + 1
    return unit_rms(sound)


def dtmf(seconds: float, random: np.random.Generator) -> Samples:
    """Keys of a telephone, pressed by a person or dialled by a machine."""
    sound = np.zeros(_count(seconds))
    person = random.random() < 0.6
    low, high = (0.1, 0.7) if person else (0.05, 0.15)
    at_s = random.uniform(0.0, 0.4)
    twist = random.uniform(0.6, 1.6)
    while at_s < seconds:
        length_s = random.uniform(low, high)
        time = _time(length_s)
        one, two = (float(random.choice(row)) for row in _DTMF_HZ)
        wave = np.sin(2 * np.pi * one * time) + twist * np.sin(2 * np.pi * two * time)
        _add(sound, at_s, _edges(wave, 0.003, 0.003))
        at_s += length_s + random.uniform(0.03, 0.5 if person else 0.12)
    return unit_rms(sound)


def siren(seconds: float, random: np.random.Generator) -> Samples:
    """Wail, yelp, two-tone and rotating horns, with the harmonics of a loudspeaker or a horn."""
    count = _count(seconds)
    time = np.arange(count) / SAMPLE_RATE
    low = random.uniform(250.0, 900.0)
    high = low * random.uniform(1.2, 2.6)
    period_s = np.exp(random.uniform(np.log(0.15), np.log(6.0)))
    turn = (time / period_s + random.random()) % 1.0
    shapes = (
        0.5 - 0.5 * np.cos(2 * np.pi * turn),
        np.abs(2.0 * turn - 1.0),
        turn,
        1.0 - turn,
        (turn < 0.5).astype(float),
        np.minimum(1.0, 1.6 * np.sin(np.pi * turn)),
    )
    shape = shapes[int(random.integers(len(shapes)))]
    hz = low * (high / low) ** shape
    amplitudes = np.arange(1.0, 13.0) ** -random.uniform(0.7, 3.0)
    if random.random() < 0.3:
        amplitudes[1::2] = 0.0
    if random.random() < 0.25:
        amplitudes[1:] = 0.0
    wave = _harmonics(hz, count, amplitudes, random)
    if random.random() < 0.4:  # it passes by, or turns
        wave *= 0.55 + 0.45 * np.sin(2 * np.pi * time * random.uniform(0.05, 0.6))
    return unit_rms(wave)


def alarm(seconds: float, random: np.random.Generator) -> Samples:
    """Beeps and chimes of clocks, detectors, scanners, toys and computers."""
    sound = np.zeros(_count(seconds))
    beeps = random.uniform(300.0, 3500.0, int(random.integers(1, 5)))
    amplitudes = np.arange(1.0, 9.0) ** -random.uniform(0.5, 4.0)
    on_s, off_s = random.uniform(0.04, 0.6), random.uniform(0.02, 0.6)
    bend = 0.0 if random.random() < 0.6 else random.uniform(-0.5, 0.5)
    damped = 0.0 if random.random() < 0.6 else random.uniform(1.0, 12.0)
    at_s, number = random.uniform(0.0, 0.5), 0
    while at_s < seconds:
        time = _time(on_s)
        hz = beeps[number % len(beeps)] * (1.0 + bend * time / on_s)
        wave = _harmonics(hz, len(time), amplitudes, random) * np.exp(-damped * time)
        _add(sound, at_s, _edges(wave, 0.003, 0.01))
        number += 1
        at_s += on_s + off_s + (random.uniform(0.3, 1.2) if number % 4 == 0 else 0.0)
    return unit_rms(sound)


def horn(seconds: float, random: np.random.Generator) -> Samples:
    """Horns of cars, trains and ships: a chord that is held."""
    sound = np.zeros(_count(seconds))
    hz = random.uniform(110.0, 550.0) * np.array(
        [1.0, *random.uniform(1.15, 1.6, int(random.integers(0, 4)))]
    )
    amplitudes = np.arange(1.0, 25.0) ** -random.uniform(0.3, 1.2)
    at_s = random.uniform(0.0, 0.3)
    while at_s < seconds:
        length_s = random.uniform(0.2, 2.5)
        wave = np.sum(
            [_harmonics(tone, _count(length_s), amplitudes, random) for tone in hz], axis=0
        )
        _add(sound, at_s, _edges(np.asarray(wave), 0.02, 0.04))
        at_s += length_s + random.uniform(0.1, 1.5)
    return unit_rms(sound)


# -------------------------------------------------------------------------- machines, hands, nature


def engine(seconds: float, random: np.random.Generator) -> Samples:
    """Engines, drills, blenders: pulses whose rate rises and falls, in noise."""
    count = _count(seconds)
    points = np.cumsum(random.standard_normal(3 + int(seconds * random.uniform(0.5, 4.0))))
    points = (points - points.min()) / max(np.ptp(points), 1e-6)
    drift = np.interp(np.linspace(0, len(points) - 1, count), np.arange(len(points)), points)
    hz = random.uniform(25.0, 250.0) * 2.0 ** (random.uniform(0.0, 1.6) * drift)
    wave = _harmonics(hz, count, np.arange(1.0, 40.0) ** -random.uniform(0.2, 1.3), random)
    bump = random.uniform(200.0, 3000.0)
    sos = butter(1, [0.6 * bump, min(7000.0, 1.6 * bump)], "band", fs=SAMPLE_RATE, output="sos")
    wave = wave + random.uniform(0.0, 2.0) * sosfilt(sos, wave)
    load = 0.4 + 0.6 * drift if random.random() < 0.5 else 1.0
    return unit_rms(unit_rms(wave * load) + random.uniform(0.0, 0.6) * pink(seconds, random))


def keys(seconds: float, random: np.random.Generator) -> Samples:
    """Keyboards and mice, of any stiffness and pace, over a room."""
    sound = (
        clicks(seconds, random) if random.random() < 0.5 else _knocks(seconds, random, 0.0005, 0.02)
    )
    return unit_rms(sound + random.uniform(0.0, 0.1) * pink(seconds, random))


def knocks(seconds: float, random: np.random.Generator) -> Samples:
    """Knocks, steps, handling of a microphone, applause of a few."""
    return unit_rms(_knocks(seconds, random, 0.003, 0.09) + 0.02 * pink(seconds, random))


def _knocks(seconds: float, random: np.random.Generator, least_s: float, most_s: float) -> _Wave:
    sound = np.zeros(_count(seconds))
    pause_s = random.uniform(0.04, 0.4)
    at_s = 0.0
    while at_s < seconds:
        time = _time(0.25)
        wave = random.standard_normal(len(time)) * np.exp(-time / random.uniform(least_s, most_s))
        hz = random.uniform(60.0, 3000.0)
        sos = butter(1, [0.7 * hz, min(7500.0, 1.5 * hz)], "band", fs=SAMPLE_RATE, output="sos")
        wave = wave * random.uniform(0.0, 1.0) + 2.0 * sosfilt(sos, wave)
        _add(sound, at_s, random.lognormal(0.0, 0.5) * wave)
        at_s += random.lognormal(np.log(pause_s), 0.5)
    return sound


def puffs(seconds: float, random: np.random.Generator) -> Samples:
    """Breath and wind on a microphone: gusts of low noise, and breathing."""
    count = _count(seconds)
    sound = np.zeros(count)
    corner_hz = np.exp(random.uniform(np.log(60.0), np.log(3000.0)))
    noise = sosfilt(
        butter(int(random.integers(1, 3)), corner_hz, "low", fs=SAMPLE_RATE, output="sos"),
        random.standard_normal(count),
    )
    at_s = random.uniform(0.0, 0.5)
    while at_s < seconds:
        length_s = random.uniform(0.05, 1.2)
        first, size = _count(at_s), _count(length_s)
        part = noise[first : first + size]
        shape = np.sin(np.pi * np.linspace(0, 1, size)) ** random.uniform(0.5, 3.0)
        _add(sound, at_s, random.uniform(0.3, 1.0) * part * shape[: len(part)])
        at_s += length_s * random.uniform(0.4, 1.2) + random.uniform(0.0, 0.6)
    return unit_rms(unit_rms(sound) + random.uniform(0.0, 0.05) * pink(seconds, random))


def rustle(seconds: float, random: np.random.Generator) -> Samples:
    """Paper, cloth, cutlery, water, rain and hiss that come and go."""
    makers = (rain, white, pink, clatter, fan, hum)
    sound = makers[int(random.integers(len(makers)))](seconds, random).astype(np.float64)
    rate = random.uniform(1.0, 12.0)
    points = random.lognormal(0.0, random.uniform(0.2, 1.5), 2 + int(seconds * rate))
    gain = np.interp(np.linspace(0, len(points) - 1, len(sound)), np.arange(len(points)), points)
    return unit_rms(sound * gain)


def animals(seconds: float, random: np.random.Generator) -> Samples:
    """Birds, dogs and cats: short calls whose pitch bends."""
    sound = np.zeros(_count(seconds))
    base = np.exp(random.uniform(np.log(250.0), np.log(3500.0)))
    rough = random.uniform(0.0, 0.6) if base < 900 else 0.0
    amplitudes = np.arange(1.0, 16.0) ** -(random.uniform(0.2, 1.0) if base < 900 else 3.0)
    at_s = random.uniform(0.0, 0.5)
    while at_s < seconds:
        length_s = random.uniform(0.04, 0.35 if base > 900 else 0.7)
        time = _time(length_s)
        bend = random.uniform(-1.2, 1.2)
        trill = random.uniform(0.0, 0.2) * np.sin(2 * np.pi * random.uniform(8.0, 40.0) * time)
        hz = base * 2.0 ** (
            random.uniform(-0.2, 0.2) + bend * np.sin(np.pi * time / length_s) / 2 + trill
        )
        wave = _harmonics(hz, len(time), amplitudes, random)
        wave += rough * np.std(wave) * random.standard_normal(len(time))
        _add(sound, at_s, random.uniform(0.3, 1.0) * _edges(wave, 0.01, 0.5 * length_s))
        at_s += length_s + random.exponential(0.3) + 0.02
    return unit_rms(sound)


# ------------------------------------------------------------------------- voices that do not speak

_VOWELS_HZ = (
    (730, 1090, 2440),
    (530, 1840, 2480),
    (270, 2290, 3010),
    (570, 840, 2410),
    (300, 870, 2240),
    (500, 1500, 2500),
)


def _formants(source: _Wave, vowel_hz: tuple[float, ...], random: np.random.Generator) -> _Wave:
    wave = source
    for hz in (*vowel_hz, 3500.0, 4500.0):
        place = min(7000.0, hz * random.uniform(0.92, 1.1))
        radius = np.exp(-np.pi * random.uniform(60.0, 180.0) / SAMPLE_RATE)
        turn = 2.0 * np.pi * place / SAMPLE_RATE
        poles = [1.0, -2.0 * radius * np.cos(turn), radius * radius]
        wave = lfilter([sum(poles)], poles, wave)
    return np.asarray(wave)


def _glottis(hz: _Wave, breath: float, random: np.random.Generator) -> _Wave:
    wave = _harmonics(hz, len(hz), np.arange(1.0, 60.0) ** -1.0, random)
    return wave + breath * np.std(wave) * random.standard_normal(len(hz))


def laughter(seconds: float, random: np.random.Generator) -> Samples:
    """Bouts of four to six aspirated vowels a second, whose pitch is high and falls."""
    sound = np.zeros(_count(seconds))
    base = random.uniform(180.0, 500.0)
    at_s = random.uniform(0.0, 0.3)
    while at_s < seconds:
        pitch, vowel = base * random.uniform(0.9, 1.3), _VOWELS_HZ[int(random.integers(6))]
        for number in range(int(random.integers(3, 10))):
            length_s = random.uniform(0.06, 0.14)
            time = _time(length_s)
            hz = pitch * (1.0 - 0.05 * number) * (1.0 + 0.1 * np.sin(np.pi * time / length_s))
            wave = _formants(_glottis(hz, random.uniform(0.1, 0.6), random), vowel, random)
            _add_edged(sound, at_s, wave, (0.02, 0.05), 0.93**number)
            h = _formants(random.standard_normal(_count(0.08)), vowel, random)
            _add_edged(sound, at_s + length_s, h, (0.02, 0.02), 0.2)
            at_s += length_s + random.uniform(0.06, 0.12)
        at_s += random.uniform(0.2, 0.9)
    return unit_rms(sound)


def crying(seconds: float, random: np.random.Generator) -> Samples:
    """Wails that rise and fall, with sobs between them."""
    sound = np.zeros(_count(seconds))
    base = random.uniform(250.0, 550.0)
    at_s = random.uniform(0.0, 0.3)
    while at_s < seconds:
        length_s = random.uniform(0.4, 1.5)
        time = _time(length_s)
        shape = np.sin(np.pi * (time / length_s) ** random.uniform(0.5, 1.0))
        tremor = random.uniform(0.0, 0.03) * np.sin(2 * np.pi * random.uniform(5, 9) * time)
        hz = base * (1.0 + 0.3 * shape + tremor)
        vowel = _VOWELS_HZ[int(random.integers(6))]
        wave = _formants(_glottis(hz, random.uniform(0.02, 0.3), random), vowel, random)
        _add_edged(sound, at_s, wave, (0.08, 0.15))
        at_s += length_s + 0.05
        for _ in range(int(random.integers(0, 4))):
            gasp = _formants(
                random.standard_normal(_count(random.uniform(0.08, 0.25))), vowel, random
            )
            _add_edged(sound, at_s, gasp, (0.05, 0.05), 0.3)
            at_s += random.uniform(0.15, 0.35)
    return unit_rms(sound)


def cough(seconds: float, random: np.random.Generator) -> Samples:
    """Coughs of one to three bursts: an explosion, a breath, and at times a short voice."""
    sound = np.zeros(_count(seconds))
    vowel, at_s = _VOWELS_HZ[int(random.integers(6))], random.uniform(0.0, 0.3)
    while at_s < seconds:
        for number in range(int(random.integers(1, 4))):
            at_s += _add_voiceless(sound, at_s, random.uniform(0.03, 0.07), vowel, random)
            at_s += 0.6 * _add_voiceless(sound, at_s, random.uniform(0.12, 0.3), vowel, random)
            if random.random() < 0.6:
                length_s = random.uniform(0.06, 0.2)
                hz = random.uniform(150.0, 450.0) * np.linspace(1.0, 0.7, _count(length_s))
                wave = _formants(_rough(hz, random), vowel, random)
                level = random.uniform(0.3, 1.0) * 0.8**number
                _add_edged(sound, at_s, wave, (0.02, 0.06), level)
                at_s += length_s
            at_s += random.uniform(0.05, 0.25)
        at_s += random.uniform(0.3, 1.2)
    return unit_rms(sound)


def sneeze(seconds: float, random: np.random.Generator) -> Samples:
    """A voice that draws breath, an explosion, and what is left of the voice."""
    sound = np.zeros(_count(seconds))
    at_s = random.uniform(0.0, 0.3)
    while at_s < seconds:
        base, (first, last) = random.uniform(150.0, 450.0), random.integers(6, size=2)
        for vowel, lengths_s, rise in ((first, (0.1, 0.5), 1.4), (last, (0.08, 0.35), 0.7)):
            if random.random() < 0.7:
                length_s = random.uniform(*lengths_s)
                hz = base * np.linspace(1.0, rise, _count(length_s))
                source = _glottis(hz, random.uniform(0.3, 1.5), random)
                wave = _formants(source, _VOWELS_HZ[int(vowel)], random)
                level = random.uniform(0.2, 0.8)
                _add_edged(sound, at_s, wave, (0.03, 0.05), level)
                at_s += length_s
            if vowel == first:
                length_s = random.uniform(0.12, 0.4)
                hiss = random.standard_normal(_count(length_s))
                cut_hz = random.uniform(1000.0, 4000.0)
                hiss = lfilter([1.0, -np.exp(-2.0 * np.pi * cut_hz / SAMPLE_RATE)], [1.0], hiss)
                _add_edged(sound, at_s, hiss, (0.01, 0.1))
                at_s += length_s
        at_s += random.uniform(0.4, 1.5)
    return unit_rms(sound)


def throat(seconds: float, random: np.random.Generator) -> Samples:
    """A throat that is cleared: a low, rough voice in one to three strokes."""
    sound = np.zeros(_count(seconds))
    vowel, at_s = _VOWELS_HZ[int(random.integers(6))], random.uniform(0.0, 0.3)
    while at_s < seconds:
        for _ in range(int(random.integers(1, 4))):
            length_s = random.uniform(0.12, 0.7)
            hz = random.uniform(80.0, 260.0) * np.linspace(
                1.0, random.uniform(0.7, 1.1), _count(length_s)
            )
            wave = _formants(_rough(hz, random), vowel, random)
            _add_edged(sound, at_s, wave, (0.03, 0.08))
            at_s += length_s + random.uniform(0.02, 0.2)
        at_s += random.uniform(0.3, 1.2)
    return unit_rms(sound)


def sigh(seconds: float, random: np.random.Generator) -> Samples:
    """Breath that is drawn in, and let out with a falling voice or with none."""
    sound = np.zeros(_count(seconds))
    at_s = random.uniform(0.0, 0.3)
    while at_s < seconds:
        vowel = _VOWELS_HZ[int(random.integers(6))]
        if random.random() < 0.6:
            at_s += _add_voiceless(sound, at_s, random.uniform(0.3, 1.0), vowel, random)
        length_s = random.uniform(0.5, 2.0)
        fall = np.linspace(1.0, random.uniform(0.5, 0.9), _count(length_s))
        breath = random.uniform(0.5, 4.0) if random.random() < 0.7 else 50.0
        source = _glottis(random.uniform(120.0, 400.0) * fall, breath, random)
        wave = _formants(source, vowel, random)
        _add_edged(sound, at_s, wave, (0.1, 0.6 * length_s))
        at_s += length_s + random.uniform(0.3, 1.0)
    return unit_rms(sound)


def moan(seconds: float, random: np.random.Generator) -> Samples:
    """Vowels that are held for one to three seconds, as in a yawn or in pain."""
    sound = np.zeros(_count(seconds))
    at_s = random.uniform(0.0, 0.3)
    while at_s < seconds:
        length_s = random.uniform(0.8, 3.0)
        time = np.linspace(0.0, 1.0, _count(length_s))
        bend = random.uniform(-0.3, 0.4) * np.sin(np.pi * time ** random.uniform(0.5, 2.0))
        hz = random.uniform(110.0, 400.0) * (1.0 + bend) * (1.0 - random.uniform(0.0, 0.3) * time)
        vowel = _VOWELS_HZ[int(random.integers(6))]
        wave = _formants(_glottis(hz, random.uniform(0.02, 1.0), random), vowel, random)
        _add_edged(sound, at_s, wave, (0.15, 0.4))
        at_s += length_s + random.uniform(0.2, 1.0)
    return unit_rms(sound)


def _add_edged(
    sound: _Wave, at_s: float, wave: _Wave, edges_s: tuple[float, float], level: float = 1.0
) -> None:
    """Add a wave that rises and falls, at an RMS of ``level``."""
    _add(sound, at_s, level * unit_rms(_edges(wave, *edges_s)).astype(float))


def _add_voiceless(
    sound: _Wave,
    at_s: float,
    length_s: float,
    vowel_hz: tuple[float, ...],
    random: np.random.Generator,
) -> float:
    """Add a breath through the mouth, and say how long it lasts."""
    wave = _formants(random.standard_normal(_count(length_s)), vowel_hz, random)
    edges_s = (0.1 * length_s, 0.5 * length_s)
    _add_edged(sound, at_s, wave, edges_s, random.uniform(0.3, 1.2))
    return length_s


def _rough(hz: _Wave, random: np.random.Generator) -> _Wave:
    """A glottis whose pulses differ in time and strength."""
    jitter = np.repeat(random.standard_normal(len(hz) // 80 + 1), 80)[: len(hz)]
    wave = _glottis(hz * (1.0 + 0.12 * jitter), random.uniform(0.2, 1.5), random)
    beat = np.sin(2.0 * np.pi * random.uniform(18.0, 60.0) * np.arange(len(hz)) / SAMPLE_RATE)
    return np.asarray(wave * (1.0 + random.uniform(0.3, 0.9) * beat))


def whispered(speech: Samples, random: np.random.Generator) -> Samples:
    """A recording without its voice: its linear prediction, driven by noise."""
    return _resynthesised(speech, random.standard_normal(len(speech) + _FRAME), random)


def synthetic_voice(speech: Samples, random: np.random.Generator) -> Samples:
    """A recording with the voice of a machine: its linear prediction, driven by pulses.

    Where the recording has no pitch, noise drives it.
    """
    count = len(speech) + _FRAME
    drift = np.interp(np.arange(count), np.arange(0, count + 4000, 4000), _walk(count, random))
    turns = np.cumsum(random.uniform(75.0, 260.0) * 2.0 ** (0.25 * drift) / SAMPLE_RATE)
    pulses = np.diff(np.floor(turns), prepend=0.0) * np.sqrt(SAMPLE_RATE / 150.0)
    noise = random.standard_normal(count)
    for start in range(0, len(speech) - _FRAME, _FRAME // 2):
        part = slice(start, start + _FRAME // 2)
        if not _has_pitch(speech[start : start + _FRAME]):
            pulses[part] = noise[part]
    return _resynthesised(speech, pulses + 0.05 * noise, random)


_FRAME = 512
_ORDER = 18


def _walk(count: int, random: np.random.Generator) -> _Wave:
    """A value each 4000 samples, which wanders about 0."""
    return random.standard_normal(len(np.arange(0, count + 4000, 4000)))


def _has_pitch(frame: Samples) -> bool:
    lags = _autocorrelation(frame.astype(np.float64))
    return bool(lags[40:220].max(initial=0.0) > 0.4 * lags[0] > 0.0)


def _autocorrelation(frame: _Wave) -> _Wave:
    lags: _Wave = np.fft.irfft(np.abs(np.fft.rfft(frame, 2 * _FRAME)) ** 2)[:_FRAME]
    return lags


def _resynthesised(speech: Samples, source: _Wave, random: np.random.Generator) -> Samples:
    """A recording whose linear prediction, frame by frame, another source drives."""
    window = np.hanning(_FRAME + 1)[:-1]
    emphasised = lfilter([1.0, -0.97], [1.0], speech.astype(np.float64))
    out = np.zeros(len(speech) + _FRAME)
    for start in range(0, max(0, len(speech) - _FRAME), _FRAME // 2):
        frame = emphasised[start : start + _FRAME] * window
        lags = _autocorrelation(frame)[: _ORDER + 1]
        if lags[0] <= 1e-9:
            continue
        lags[0] *= 1.001
        places = np.abs(np.subtract.outer(np.arange(_ORDER), np.arange(_ORDER)))
        poles = np.concatenate([[1.0], -np.linalg.solve(lags[places], lags[1:])])
        wave = np.asarray(lfilter([1.0], poles, source[start : start + _FRAME])) * window
        wave *= np.sqrt(np.dot(frame, frame) / max(np.dot(wave, wave), 1e-12))
        out[start : start + _FRAME] += wave
    return unit_rms(lfilter([1.0], [1.0, -random.uniform(0.6, 0.97)], out[: len(speech)]))


NONVOICES: Mapping[str, Maker] = {
    make.__name__: make
    for make in (
        *(piano, plucked, bells, sustained, drums, music, band),
        *(telephone, dtmf, siren, alarm, horn),
        *(engine, keys, knocks, puffs, rustle, animals),
    )
}
"""Sounds without a voice, by their names."""

HUMAN: Mapping[str, Maker] = {
    make.__name__: make for make in (laughter, crying, cough, sneeze, throat, sigh, moan)
}
"""Voices that do not speak; whisper is made from recordings by :func:`whispered`."""
