"""The back office: registry, staff, desk and figures of a set-top-box operator."""
