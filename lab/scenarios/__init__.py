"""Scenarios: what is replayed and what is expected, as files that people write."""
