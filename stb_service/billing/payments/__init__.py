"""Payments: recorded by hand, begun with a provider, told of by notices, given back."""
