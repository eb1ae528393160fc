"""RemoteControl: the ControlAPI from another process or machine."""

from core.control.remote.control import RemoteControl

__all__ = ["RemoteControl"]
