"""The shell that all rooms share: dashboard, the one search box, the audit, long work.

It owns no table. It shows what other rooms add to the registries, and promises that nobody
sees there what their role or organisation keeps from them.
"""
