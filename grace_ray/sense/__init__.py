"""Raw signals become events: formats, emitters, redaction, collectors."""
