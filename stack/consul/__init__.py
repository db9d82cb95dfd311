"""Consul: quién ofrece cada servicio, dónde está y si goza de salud."""
