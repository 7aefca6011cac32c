"""Where things live on Ray: one thin shell an actor."""
