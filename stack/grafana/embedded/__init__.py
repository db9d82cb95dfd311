"""El suplente didáctico de Grafana."""
