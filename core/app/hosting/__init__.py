"""An engine in this process, and how long it lives.

`hosts` is what callers use; the other files are parts of a host.
"""
