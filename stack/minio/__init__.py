"""Todo lo que stacklab sabe de Minio."""
