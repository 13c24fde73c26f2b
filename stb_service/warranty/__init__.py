"""Warranty: policies as versioned data, what they give a box, and decisions that are kept.

Promises: what a box gets is a pure function of dated facts and one version of a policy, and every
date comes with the rule that gave it; a version that was published never changes and a decision
never either, by trigger; a decision names its version, its facts and its day, so that it can be
made again; an override stands beside what the rules gave, with its reason; dealers and service
centres see the cover of their boxes alone. Presets are no legal advice.
"""
