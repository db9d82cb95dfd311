"""Planta media: los flujos, sus microservicios y el motor que los ejecuta y los prueba."""
