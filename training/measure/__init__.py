"""What a model is worth: metrics through the live path, in what circumstances, and the gate."""
