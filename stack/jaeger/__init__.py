"""Todo lo que stacklab sabe de Jaeger."""
