"""Models of box and their hardware revisions: what the operator sells, and what each can play."""
