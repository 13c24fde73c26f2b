"""What is known of each box by its own word: identity, tokens, what it runs, what it reported.

Promises: a token is kept only as a digest; a final report on an action of a known box is never
lost, readable or not; a box that no one has claimed is served only if the setting says so; what was
stated under a name before it was approved is no evidence.
"""
