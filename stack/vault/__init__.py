"""Todo lo que stacklab sabe de Vault."""
