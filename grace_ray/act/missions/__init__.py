"""Learning missions: the queue that launches them, what a worker does, and the knowledge that comes of it."""
