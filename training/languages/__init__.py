"""What heads that learned one language make of another."""
