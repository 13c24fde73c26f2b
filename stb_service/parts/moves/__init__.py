"""What was moved in stock, and what is held back."""
