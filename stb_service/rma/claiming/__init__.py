"""Claims from suppliers: what a repair under our warranty cost, asked back from whom it came.

A claim is worked out once, when it is proposed: parts at the cost that stock knows, labour by the
supplier's tariff, freight. It is sent with others in a batch; the supplier's credit notes are held
against what was sent. Promises: an order is claimed once; a note of a supplier is entered once;
what a note does is shown before it is entered, and what changed meanwhile is refused. The moves
are those of `rma.claims`, kept as the other machines' are.
"""
