"""The terminal console: screens that show and steer the engine.

Started by `console.launch`; it reaches the engine only through the ControlAPI.
"""
