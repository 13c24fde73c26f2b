"""How boxes come into the registry: one by one, by their own word, or many in a file."""
