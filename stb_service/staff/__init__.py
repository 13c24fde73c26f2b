"""The operator's people: organisations, roles, sign-in, sessions and API tokens.

Promises: secrets are kept only as digests; a wrong password ten times over locks the account for
a while; a changed password ends every other session; nobody reaches beyond their organisation.
"""
