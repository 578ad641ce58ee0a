"""Offline models, which take a whole clip at once: published systems and the user's own."""
