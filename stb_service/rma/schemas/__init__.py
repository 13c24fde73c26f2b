"""The wire of returns and of the workshop: bodies and answers of the API.

Amounts are whole minor units (`*_minor`) of the currency named beside them, or of the case's.
"""
