"""Folders and git checkouts of text, read from the disk with their revision."""
