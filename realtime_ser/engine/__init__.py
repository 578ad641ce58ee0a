"""Runs recognisers on a source: opening, the monitor's threads, subscriptions, the offline loop."""
