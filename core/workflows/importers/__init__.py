"""Importers: records of other systems as workflows.

Called by the command `import`.
"""
