"""A file is whole or not there, and a disk that refuses gets one sentence."""

from __future__ import annotations

import os
import sys

import pytest
import soundfile

from realtime_ser.base.errors import FileTakenError, OutputError
from realtime_ser.base.files import (
    AtomicFiles,
    cannot_write,
    draft_path,
    whole_file,
    write_whole,
    writing,
)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    return path


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_a_text_is_written_as_it_is_and_its_folder_made(folder):
    path = folder / "new" / "text.json"
    write_whole(path, "ü\nv\r\n")
    assert path.read_bytes() == b"\xc3\xbc\nv\r\n"
    assert names(path.parent) == ["text.json"]


def test_what_was_there_stays_until_the_new_one_is_complete(folder):
    path = folder / "table.csv"
    path.write_text("old")
    with whole_file(path) as draft:
        draft.write_text("new")
        assert draft.name == "table.csv.part"
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_failure_leaves_what_was_there_and_no_draft(folder):
    path = folder / "table.csv"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as draft:
        draft.write_text(f"{1 / 0}")
    assert path.read_text() == "old"
    assert names(folder) == ["table.csv"]


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_draft_is_never_written_through_a_link(folder, tmp_path):
    other = tmp_path / "other"
    other.write_text("mine")
    draft_path(folder / "a").symlink_to(other)
    write_whole(folder / "a", "new")
    draft_path(folder / "b").symlink_to(other)
    with AtomicFiles(folder / "b") as files:
        files.write(folder / "b", "new")
    assert other.read_text() == "mine"
    assert (folder / "a").read_text() == (folder / "b").read_text() == "new"
    assert not (folder / "a").is_symlink()


def test_drafts_of_two_processes_differ(folder):
    with whole_file(folder / "entry.npz", shared=True) as draft:
        draft.touch()
        assert str(os.getpid()) in draft.name


def test_a_disk_that_refuses_gets_a_sentence_with_what_to_do(folder):
    path = folder / "taken"
    path.mkdir()
    with pytest.raises(OutputError) as caught:
        write_whole(path, "text", "name another folder")
    words = str(caught.value)
    assert words.startswith(f"Cannot write {path} (")
    assert words.endswith("): name another folder.")


def test_a_file_in_the_way_of_the_folder_is_not_taken_for_the_file_itself(folder):
    (folder / "file").touch()
    with pytest.raises(OutputError, match="choose a folder that you may write to"):
        write_whole(folder / "file" / "below.txt", "text")


def test_an_error_without_a_reason_of_the_system_says_what_it_says(folder):
    with pytest.raises(OutputError, match=r"\(odd\): choose a folder"), writing(folder / "x"):
        raise OSError("odd")
    error = soundfile.LibsndfileError(2)
    assert "the disk takes no more" in str(cannot_write(folder / "x.flac", error))


def test_no_file_of_an_export_is_there_when_one_fails(folder):
    (folder / "b").write_text("mine")

    def write():
        with AtomicFiles(folder / "a") as files:
            files.write(folder / "a", "text")
            files.write(folder / "b", "text")

    with pytest.raises(FileTakenError, match="exists already"):
        write()
    assert names(folder) == ["b"]
    assert (folder / "b").read_text() == "mine"
