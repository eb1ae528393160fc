"""Reading a home whether its engine answers or not.

Used by the commands and the console's sessions that read.
"""
