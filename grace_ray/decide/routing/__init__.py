"""Routing: which agent is given a task, by what is known of each, with the choice's probabilities on the journal."""
