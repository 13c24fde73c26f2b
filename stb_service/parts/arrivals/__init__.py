"""Parts and stock that come in a file."""
