"""Widgets draw and post; they know no control."""
