"""Firmware images: their bytes, what they fit, and the order of a model's versions.

Promises: the same bytes are one image; one version of one model and revision is one
image; versions of a model are ordered by a sequence set at upload, never by comparing
strings; a row never points to a file that is not whole and in place.
"""
