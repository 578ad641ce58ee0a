"""From 16 kHz samples to estimates: features, gate, segmenter, bundle, step model, profiles."""
