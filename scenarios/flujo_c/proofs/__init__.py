"""Las pruebas del flujo C: cada una lee de un servicio el hecho que deja su flecha."""
