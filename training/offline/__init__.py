"""Models that hear a whole clip at once: the published systems, and one's own."""
