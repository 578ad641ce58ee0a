"""Files in which people and the windows keep settings: YAML and JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random

import soundfile

from realtime_ser.base.config import load_config
from realtime_ser.base.labels import LABELS
from realtime_ser.base.paths import shipped
from realtime_ser.recogniser.bundle import load_bundle
from tests.audio.sounds import RATE
from tests.fuzz.kind import Kind, Place
from tests.fuzz.mutation import changed_json, changed_text
from tests.fuzz.sounds import speech

# ------------------------------------------------------------------------------------- config.yaml


def _prepare_config(folder: Path) -> None:
    shutil.copyfile(shipped("config.yaml"), folder / "config.yaml")
    soundfile.write(folder / "speech.wav", speech(), RATE)


def _make_text(name: str, place: Place, chance: Random) -> None:
    text = (place.whole / name).read_text("utf-8")
    (place.input / name).write_bytes(changed_text(text, chance))


def _make_config(place: Place, chance: Random) -> None:
    _make_text("config.yaml", place, chance)


def _take_config(place: Place, chance: Random) -> None:
    path = place.input / "config.yaml"
    config = place.call(load_config, path)
    if config is None or chance.random() < 0.01:
        place.command("profiles", "list", "--config", path)
    elif chance.random() < 0.1:
        place.command("analyze", place.whole / "speech.wav", "--jobs", "1", "--config", path)
    if chance.random() < 0.002:
        place.process("profiles", "list", "--config", path)


CONFIG = Kind("config", _prepare_config, _make_config, _take_config)


# ----------------------------------------------------------------------------------------- recipes


def _prepare_recipes(folder: Path) -> None:
    from training.recipe import SHIPPED

    for path in SHIPPED.glob("*.yaml"):
        shutil.copyfile(path, folder / path.name)


def _make_recipe(place: Place, chance: Random) -> None:
    chosen = chance.choice(sorted(place.whole.iterdir()))
    (place.input / "recipe.yaml").write_bytes(changed_text(chosen.read_text("utf-8"), chance))


def _take_recipe(place: Place, chance: Random) -> None:
    from training.recipe import load_recipe

    path = str(place.input / "recipe.yaml")
    changes = []
    if chance.random() < 0.2:
        change = changed_text("split.scheme=joint", chance)
        changes = [change.decode("utf-8", "replace")[:200]]
    place.call(load_recipe, path, changes)


RECIPES = Kind("recipes", _prepare_recipes, _make_recipe, _take_recipe)


# ---------------------------------------------------------------------------------------- profiles


def _prepare_profile(folder: Path) -> None:
    bundle = load_bundle("default")
    profile = {
        "name": "anna",
        "device": "Headset",
        "model": {"name": "default", "version": "1", "sha256": bundle.digest},
        "seconds": 12.5,
        "made": "2026-03-01T14:02:11+01:00",
        "log_probabilities": {label: -2.0 - number for number, label in enumerate(LABELS)},
    }
    (folder / "profile.json").write_text(json.dumps(profile))
    soundfile.write(folder / "speech.wav", speech(), RATE)


def _make_profile(place: Place, chance: Random) -> None:
    profile = json.loads((place.whole / "profile.json").read_text("utf-8"))
    (place.input / "profile.json").write_bytes(changed_json(profile, chance))


def _take_profile(place: Place, chance: Random) -> None:
    folder = place.data / "realtime-ser" / "profiles"
    folder.mkdir(parents=True)
    shutil.copyfile(place.input / "profile.json", folder / "profile-anna.json")
    place.command("profiles", "list")
    if place.command("profiles", "show", "anna") == 0 and chance.random() < 0.1:
        sound = place.whole / "speech.wav"
        place.command("analyze", sound, "--jobs", "1", "--profile", "anna")
    if chance.random() < 0.002:
        place.process("profiles", "show", "anna")


PROFILES = Kind("profiles", _prepare_profile, _make_profile, _take_profile)


# ------------------------------------------------------------------------------------- preferences


def _prepare_preferences(folder: Path) -> None:
    from realtime_ser.gui.app.preferences import Preferences

    data = Preferences(gate_mode=2, retention_days=30).model_dump(mode="json") | {"version": 1}
    (folder / "window.json").write_text(json.dumps(data))


def _make_preferences(place: Place, chance: Random) -> None:
    data = json.loads((place.whole / "window.json").read_text("utf-8"))
    (place.input / "window.json").write_bytes(changed_json(data, chance))


def _take_preferences(place: Place, chance: Random) -> None:
    from realtime_ser.base.config import Config
    from realtime_ser.gui.app.preferences import Preferences, PreferencesFile

    path = place.output / "window.json"
    shutil.copyfile(place.input / "window.json", path)
    file = PreferencesFile(path)
    Preferences.from_config(Config().window).changed(file.read()).apply_to(Config())
    place.call(file.write, {"theme": "dark"})
    assert file.read()["theme"] == "dark"


PREFERENCES = Kind("preferences", _prepare_preferences, _make_preferences, _take_preferences)
