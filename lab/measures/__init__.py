"""What is measured: the definition, the unit and the source of every figure that a run gives."""
