"""What is charged, credited, quoted and paid.

Promises: what a customer was sent is never changed; a quote is accepted at most once, by a link
that names the edition which was read; the ledger is only added to, and a balance is the sum of its
entries; a payment told of many times counts once; no more is given back than was paid. Whether work
may begin and goods may leave follows from these, for whichever room asks.
"""
