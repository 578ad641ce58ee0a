"""Samples in and out: microphones, audio files, blocks, the resampler, and playback."""
