"""The event log as its readers see it: one protocol (`base`), an engine per transport."""
