"""What a session leaves behind: tables, sound, a sidecar, and a summary."""
