"""El suplente didáctico de Prometheus."""
