"""The command line `oxl`: a person's door to what HTTP and the worker do. It calls the same verbs and holds no logic.

ground: what every command stands on · main, usage, subscriber: the commands · serving, server: the processes that stay.
"""
