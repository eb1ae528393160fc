"""The engine: loops and services that carry tasks through their legal moves.

Started by `core.app.hosting`; it never imports `core.control` or `core.app`.
"""
