"""Samples in and out: microphones, audio files, the ring, the resampler, and playback."""
