"""Events become findings: clusters, incident groups, urgency."""
