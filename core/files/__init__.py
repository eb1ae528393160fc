"""Files of people and of taskdeck: read and written with every guard."""
