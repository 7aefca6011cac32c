"""Outcomes become knowledge: what missions and people taught Grace, how it is found again, and whether it helped."""
