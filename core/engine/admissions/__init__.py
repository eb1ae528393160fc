"""Admission: documents and loose tasks become plans that the store takes."""
