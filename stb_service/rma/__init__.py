"""Returns: the promise to a customer, and what happens to the box meanwhile.

Two machines that refer to each other: the *case* is the promise, the *workshop order* is the
box. While the box is the customer's they move together, in one transaction; from the event on
by which it became the operator's, or was lost, the order goes alone, and the customer may long
have left with another box. Promises: a move that is not in the tables does not happen; what
bars a move is told in a sentence each, the same on the page, in the API and in the refusal;
nothing is begun unpaid and nothing shipped with a balance open; who contests a verdict is heard
by a second inspector.

Where things are: `operations` opens cases (`open_case`), admits boxes (`open_order`), corrects
cases (`change_case`) and makes every step (`act`); `deciding` has faults and verdicts,
`photographs` and `stating` their evidence; `bench` the work on a box, and repair beside
replacement; `exchange` replacements, accessories and provisioning; `quoting` what a customer pays;
`terms` what returns go by. `queries` reads; `gathering` asks `case_facts` and `bench_facts` what
the rules must know, and tells what can come next. `events` is the one writer of states, `traces`
of verdicts and exchanges, `effects` what each step does besides; `releasing` lets go of what was
held, `keeping` tells other rooms what a box is kept for.
"""
