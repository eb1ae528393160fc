"""Screens: one for each question of an operator."""
