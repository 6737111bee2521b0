"""The web console: static pages that are a client of the public APIs like any other."""
