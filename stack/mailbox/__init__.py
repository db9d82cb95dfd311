"""Todo lo que stacklab sabe del buzón."""
