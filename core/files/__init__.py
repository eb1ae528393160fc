"""Files of users and of taskdeck, read and written with guards.

Used by every room that reads or writes a file.
"""
