"""El suplente didáctico de Jaeger."""
