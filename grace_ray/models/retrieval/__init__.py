"""Retrieval: text to terms, documents to passages, and hybrid (lexical and dense) ranking over both."""
