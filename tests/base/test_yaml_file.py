"""Settings that are no settings are refused in a sentence, at once, and in little memory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from realtime_ser.base.config import Config, load_config
from realtime_ser.base.errors import UsageError
from realtime_ser.base.yaml_file import LONGEST, YamlError, parse_yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghij", "bcdefghijk", strict=True)
)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (BOMB, "repeats itself (by & and *) without end"),
        ("&a [*a]", "repeats itself (by & and *) without end"),
        ("gate:\n  mode: 1\n\n  mode: 2\n", "has 'mode' twice, in lines 2 and 4; delete one"),
        ("model: a\ngate: {}\nmodel: b\n", "has 'model' twice, in lines 1 and 3; delete one"),
        ("gate:\n", "the section 'gate' is empty: put settings below it, or leave it out"),
        ("gate: 3", "the section 'gate' is 3: put settings below it"),
        ("window: []", "the section 'window' is []: put settings below it"),
        ("[" * 20_000, "has more than 20 levels in line 1"),
        ("{a: " * 5_000, "has more than 20 levels in line 1"),
        (f"gate:\n  mode: {'9' * 5000}", "has a number of 5000 digits in line 2; shorten it"),
        (f"gate: {{release_s: {'9' * 30}}}", "should be less than or equal to 60"),
        (f"audio: {{channels: {list(range(3000))}}}", "is [0, 1, 2, 3, 4, 5, ...], but"),
        (f"gate: {{mode: {'x' * 4000}}}", "...xxxxxxxxxxxxx', but input should be a valid integer"),
        ("model: a\0b", "holds a character in line 1 that no text has (0x00); delete it"),
        ("gate: {}\nmodel: a\x07", "holds a character in line 2 that no text has (0x07)"),
        (b"gate: {}\nmodel: caf\xe9", "is not UTF-8 near line 2; save it as UTF-8"),
        ("? [a]\n: b", "is not valid YAML near line 1"),
        ("!!python/object/apply:os.system [true]", "is not valid YAML near line 1"),
        ("gate: {}\nmodel: !!timestamp x", "has a value in line 2 that cannot be read; mend it"),
        ("study: {consent: 2026-13-45}", "has a value in line 1 that cannot be read; mend it"),
        ("#" * (LONGEST + 1), "is larger than a megabyte"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_settings_is_refused(data, sentence, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(UsageError) as refused:
        load_config(path)
    said = str(refused.value)
    assert sentence in said
    assert str(path) in said
    assert len(said) < 300 + len(str(path))
    assert "\n" not in said


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_editors_mark_how_they_write(encoding, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes("study: {name: Gefühl}".encode(encoding))
    assert load_config(path).study.name == "Gefühl"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such device")
def test_a_device_is_no_file_of_settings():
    with pytest.raises(UsageError, match="is larger than a megabyte"):
        load_config(Path("/dev/zero"))


def test_values_may_be_shared():
    text = "a: &range [1, 2]\nb: *range\nc: {<<: {d: 1}, e: 2}"
    assert parse_yaml(text) == {"a": [1, 2], "b": [1, 2], "c": {"d": 1, "e": 2}}
    assert parse_yaml("") is None
    with pytest.raises(YamlError, match="near line 2"):
        parse_yaml("a: 1\nb: [")


def test_a_file_of_comments_keeps_the_defaults(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("# nothing yet\n")
    assert load_config(path) == Config()
