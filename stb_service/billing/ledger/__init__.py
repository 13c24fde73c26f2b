"""The ledger of accounts: entries that are only added, and what they come to."""
