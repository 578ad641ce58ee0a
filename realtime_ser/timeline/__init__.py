"""What is drawn over time, without Qt: pyramid, viewport, content, and the printed picture."""
