"""Flujo A: alguien sube su avatar y las miniaturas se hacen después, sin que nadie espere."""
