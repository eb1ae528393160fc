"""The ControlAPI: the only way from clients to the engine.

Used by the commands, the console and `core.app`.
"""
