"""What a model is worth: metrics, evaluation through the live path, noise, and the gate."""
