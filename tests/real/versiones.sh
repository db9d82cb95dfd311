# Las versiones de los programas reales, en un solo sitio. Lo leen `preparar` y la maqueta de Docker.

PROMETHEUS_VERSION=3.16.0 # en Go, el módulo v0.316.0
CONSUL_VERSION=1.16.2     # la última de licencia libre que se deja compilar así
JAEGER_VERSION=2.13.0     # en Go, el módulo v1.76.0
COMPOSE_VERSION=2.40.3
MAILPIT_VERSION=1.27.11
KAFKA_VERSION=4.3.1
KAFKA_SCALA=2.13
KAFKA_LOG4J=2.25.4
N8N_VERSION=2.8.4 # la última que corre en Node 20
