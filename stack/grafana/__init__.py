"""Todo lo que stacklab sabe de Grafana."""
