"""The accounts that boxes are given to: businesses and households, their people and their sites.

Promises: an account is found by its number, by any word of a name, by the last digits of a phone
and by a mail address; a dealer or a service centre sees the accounts that it brought or whose box
it sold, and no others; phones, mail addresses and streets are shown only to roles that may see
personal data; what the audit keeps of a person can be read until the person is erased, and then by
nobody, while every figure of the account stays.
"""
