"""Importing a file of rows, in every room alike: its columns, its rows, its report, the work that
does it.

A room says which columns it knows and writes what a row says; what stands here reads header and
cells, takes chunks of lines, each in a unit of work of its own, counts, and keeps the report of what
was refused.
"""
