"""Commands to the journal, and their results.

Made by the control and the engine, carried out by `core.store.apply`; nouns alone.
"""
