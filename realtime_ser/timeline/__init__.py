"""Timeline without Qt: pyramid of steps, content, viewport, tracks, surface, printed page."""
