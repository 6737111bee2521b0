"""Certification: a conformance suite that knows the standard and no server, and what is written of its results.

An HTTP client of whatever server it is pointed at; nothing of OXL is imported here.
"""
