"""The laboratory: emulated boxes that meet the service only over the wire.

It is an independent witness: written from the protocols' public pages, it
imports nothing of the service, so a field that the service gets wrong is not
wrong on both sides.
"""
