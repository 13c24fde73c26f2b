"""The registry: every box the operator answers for, its models, identifiers, custody and tags.

Promises: one serial of one maker, and one MAC, is held by one current box, by constraint; what
a box was called before stays findable; a claim on what another box holds is listed for
review; each change is audited and told to the firmware room in the same transaction; dealers
and service centres see and touch only what they sold or hold.
"""
