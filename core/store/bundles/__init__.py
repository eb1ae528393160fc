"""Bundles: rows of jobs as lines of JSON, and back.

Used by the control that lends them, and by `core.app` where one is opened.
"""
