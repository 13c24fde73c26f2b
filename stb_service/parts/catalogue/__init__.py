"""The catalogue: parts, what they fit, the places where they are kept, and their limits there."""
