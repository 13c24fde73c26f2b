"""Warranty: policies as versioned data, what they give a box, and decisions that are kept.

Promises: what a box gets is a pure function of dated facts and one version of a policy, and every
date comes with the rule that gave it. Presets are no legal advice.
"""
