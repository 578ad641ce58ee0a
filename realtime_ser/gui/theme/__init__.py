"""Colours, sizes and style sheets of the windows."""
