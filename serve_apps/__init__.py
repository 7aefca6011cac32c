"""HTTP in, facts out: FastAPI on Ray Serve, and the console."""
