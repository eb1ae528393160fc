"""The nouns of taskdeck: plain data and ports, standard library only."""
