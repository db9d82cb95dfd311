"""Flujo B: alguien entra con su contraseña y recibe un token; otro, después, cuenta que ha entrado."""
