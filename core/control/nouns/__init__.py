"""Parts of a control: requests of one noun, and their verbs.

Attributes of the ControlAPI and of its reading half.
"""
