"""Many boxes in one process, a bounded pool of threads for their HTTP, one summary."""
