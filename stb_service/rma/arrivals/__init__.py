"""Returns that were open in another system when this one began: a file of them, row by row."""
