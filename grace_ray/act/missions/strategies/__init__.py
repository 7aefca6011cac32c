"""The ways in which a mission learns: runbooks, what is known, the cluster's own past, the web and GitHub."""
