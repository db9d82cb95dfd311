"""Lo que comparten todos los microservicios: ajustes, telemetría, métricas, logs y clientes."""
