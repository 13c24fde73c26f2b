"""Rollouts: which box gets which image, when, and what is known of the outcome.

Promises: no more boxes update at once than the cap says, however many poll together; a box counts
as updated only by what it states after its reboot; a bad image halts by itself; every answer to
a box has a reason that is kept.
"""
