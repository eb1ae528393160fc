"""Application wiring: builds the engine, its clients and their connections.

Called by the commands and by the console's sessions; it may import every room of core but `cli`.
"""
