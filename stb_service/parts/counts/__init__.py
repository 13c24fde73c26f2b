"""Stock-taking: a sheet filled blind, whose differences become moves."""
