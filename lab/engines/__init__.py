"""What carries a scenario out: arithmetic alone, or real streams and real decoders."""
