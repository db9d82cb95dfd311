"""Cómo se pinta cada cosa en la terminal."""
