"""Las pruebas del flujo B, una por flecha: cada una lee de un servicio un hecho que es de esta ejecución."""
