"""Personal profiles: a person on a microphone, kept by name and chosen for a session."""
