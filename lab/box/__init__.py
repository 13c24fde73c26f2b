"""One emulated box: identity, two slots of flash, a temper, and the wire it speaks.

A box is a generator: it yields what it wants from the world (a pause, a request,
the next piece of a download) and is sent what came of it. It holds no socket, no
clock and no thread, so the same box lives in virtual time in a test and in real
time in a fleet.
"""
