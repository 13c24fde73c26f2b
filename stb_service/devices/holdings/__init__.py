"""Which account has a box, now and before: given, passed on with proof, taken back."""
