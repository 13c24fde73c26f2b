"""Spare parts and boxes in stock: the catalogue, the places, the ledger, counts, what to order.

Promises: what a place holds is the sum of its moves, kept as a chain that the database itself
checks (each row begins with what the row before it left), so that nothing is held below zero
or reserved beyond what is there, whoever writes; rows are never changed or taken away; a
box stands in one place; each move says what it was worth; dealers and service centres see and
touch only their own places.
"""
