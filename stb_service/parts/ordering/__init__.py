"""What places are to have of parts, and what is to be ordered."""
