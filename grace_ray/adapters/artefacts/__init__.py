"""Files of trained models: versions, their records, and the training records kept for people."""
