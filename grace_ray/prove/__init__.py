"""Prove: the journal, the Merkle tree over it, signed checkpoints, verification, retention and export."""
