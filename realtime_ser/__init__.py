"""Realtime SER: which emotions a voice carries, while it speaks."""

__version__ = "0.1.0"
