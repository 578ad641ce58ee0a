"""Whole files and folders through the very pipeline of the live engine, in several processes."""
