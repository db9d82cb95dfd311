"""Planta baja: los servicios, cómo se arrancan, se vigilan, se alcanzan y se paran."""
