"""What boxes speak: each wire translates a contact into the engine's terms and back, no more.

What to offer, and why, is decided once, in `firmware.rollouts`, for every wire.
"""
