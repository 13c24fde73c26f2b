"""The operator that `make run` shows: a history of 18 months, and boxes that update themselves.

`model` states the numbers that everything is drawn from, `lives` draws what becomes of each box,
and `history` lets it happen day by day through the rooms' own verbs, so that it reads as if staff
had done it. The same seed, boxes and instant give the same operator. `show` starts it all.
"""
