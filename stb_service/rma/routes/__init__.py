"""The API of returns: cases, what belongs to them, the workshop, the terms."""
