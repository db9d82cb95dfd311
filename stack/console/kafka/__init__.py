"""Las páginas de Kafka: topics, mensajes y grupos, leídos con confluent-kafka."""
