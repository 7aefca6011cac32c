"""The Gymnasium environments that the orchestrator is trained in."""
