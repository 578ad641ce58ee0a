"""Values and small tools: records, clock, labels, settings, errors, text, files."""
