"""Todo lo que stacklab sabe de Redis."""
