"""The windows: PyQt6 and pyqtgraph are used here and nowhere else."""
