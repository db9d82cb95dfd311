"""Todo lo que stacklab sabe de Console."""
