"""Personal profiles: a person on a microphone, kept by name and chosen for a session.

A window offers :func:`~realtime_ser.profiles.folder.usable`, and begins the session with the
settings that :func:`~realtime_ser.profiles.folder.with_profile` gives.
"""
