"""Models that run live: a causal CNN and a stateful LSTM, learned from gated segments."""
