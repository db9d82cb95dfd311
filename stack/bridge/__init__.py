"""El puente: por él llegan los contenedores a los procesos de esta máquina."""
