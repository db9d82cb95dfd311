"""El agente: los servicios de su máquina y las comprobaciones que él mismo hace."""
