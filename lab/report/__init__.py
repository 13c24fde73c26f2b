"""What a run leaves behind: a result for machines, a report for people."""
