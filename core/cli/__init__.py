"""The commands: read arguments, call the ControlAPI, write the results.

Reached from `console.launch` through `main`; each file is loaded only for its command.
"""
