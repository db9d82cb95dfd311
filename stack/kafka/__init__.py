"""Todo lo que stacklab sabe de Kafka."""
