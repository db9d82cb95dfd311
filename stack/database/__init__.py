"""Todo lo que stacklab sabe de la base de datos."""
