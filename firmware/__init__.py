"""The update service: what boxes run, what they should run, and the way there.

Sees of the back office only `stb_service.shared`. Boxes are known here by their
own row (serial, MACs, codes), so this package can serve a fleet by itself.
"""
