"""Secrets: read where [secrets] of config.toml says, when an attempt begins.

Used by the engine and by the command `secrets`. A value is never logged, stored or part of a message.
"""
