"""Output for people: tables, figures, the card, the report of a run, comparisons."""
