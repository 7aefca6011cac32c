"""Version 0 of every artefact that Grace improves."""
