"""What a laboratory said: runs of scenarios, emulated or on real boxes, with their reports.

A run is kept as it was sent; the verdict is worked out here from its own expectations, never taken
at its word. The lab is another program: what it sends is read by the description of its format.
"""
