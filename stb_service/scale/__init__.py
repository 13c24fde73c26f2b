"""An operator of any size, made up quickly: what speed is measured on.

`stb demo --scale DEVICES` fills an empty database. Everything follows from the number of boxes, a
seed and the day it is made on, so the same three give the same operator:

- an account for every two boxes: 97 in 100 are households with a holder, a phone, often a mail
  address and a site, the others businesses; half of them buy from one of 40 dealers;
- boxes of the demonstration's five models by their shares, made 4 months to 4 years ago, 84 in 100
  with a customer; a tenth of those were another account's before, and what is in return,
  refurbished or lost was somebody's once;
- two moves of stock for each box: a warehouse is filled by a supplier, 40 vans take from it, and
  customers get parts out of the vans, over 24 months;
- a return for every five boxes, over 29 months: 62 in 100 are repaired in warranty, 15 have no fault,
  8 are given back unrepaired, 5 are kept, 10 never come; 2 in 100 of all are under way. They have
  their steps, workshop orders and a fault each, and neither parcels nor money.

Rows go around the verbs, in chunks, so memory stays bounded; all constraints of the database hold
in the end. It is one unit of work: cut off, it leaves nothing. A module writes the rows of a kind.
"""
