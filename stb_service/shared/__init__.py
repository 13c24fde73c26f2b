"""What every room stands on: settings, database, access, audit, jobs, files, pages.

Nothing here knows a domain. A domain that wants to be seen from elsewhere (in
the search box, on the box card, among the jobs) adds its part to a registry,
and `stb_service.app` wires them.
"""
