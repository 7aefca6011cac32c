"""Language models behind core.ports.LanguageModel."""
