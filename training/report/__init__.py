"""What people read of a run: tables, figures, the card, the report."""
