"""Where samples come from: microphones, files that play as one, and the resampler behind both."""
