"""Evaluation through the live path: metrics, test conditions, and the gate's own figures."""
