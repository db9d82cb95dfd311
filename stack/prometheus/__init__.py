"""Todo lo que stacklab sabe de Prometheus."""
