"""The commands: read arguments, ask the ControlAPI, write what it says."""
