"""Serials and MACs: how they are read, what is odd about them, who claims what another holds."""
