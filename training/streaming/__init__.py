"""Models that run live: a causal CNN with stateful heads, learned from gated segments."""
