"""Senders: one try to deliver a message to a sink.

Called by the engine in a thread, and by the command `notify test`.
"""

from core.senders.message import DeliveryFailed, Message
from core.senders.sending import send

__all__ = ["DeliveryFailed", "Message", "send"]
