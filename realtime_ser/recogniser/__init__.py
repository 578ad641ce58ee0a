"""From 16 kHz samples to estimates: features, speech gate, segmenter, bundle, step model."""
