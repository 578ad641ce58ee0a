"""Which files are taken for audio, by their names."""

from __future__ import annotations

SOUND_FILES = frozenset(
    {
        # read by libsndfile
        *(".wav", ".wave", ".w64", ".rf64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2"),
        *(".aif", ".aifc", ".aiff", ".au", ".snd", ".caf"),
        # read by FFmpeg
        *(".m4a", ".m4b", ".aac", ".wma", ".amr", ".awb", ".3ga", ".weba", ".mka", ".spx"),
        *(".ac3", ".ape", ".wv", ".tta", ".voc", ".gsm"),
    }
)
"""Endings of the names of files that hold sound alone, in lower case."""

VIDEO_FILES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".3gp", ".3g2", ".avi", ".wmv", ".mpg", ".mpeg"}
)
"""Endings of the names of files that hold pictures, and perhaps sound."""

AUDIO_FILES = SOUND_FILES | VIDEO_FILES
"""Endings of the names of all files that are taken for audio when a folder is searched."""
