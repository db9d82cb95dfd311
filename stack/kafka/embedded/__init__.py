"""El suplente didáctico de Kafka."""
