"""Trust: what became of recommendations, and so how far each agent can be trusted, workspace by workspace."""
