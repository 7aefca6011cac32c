"""What senders speak: one file a format, each with one function ``decode`` of the shape sense.raw.Decode."""
