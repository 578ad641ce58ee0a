"""The timeline on Qt: canvas, tracks, gestures, axis, overview."""
