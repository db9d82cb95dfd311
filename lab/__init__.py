"""Planta alta: lo que toca la persona (la línea de órdenes y lo que pinta)."""
