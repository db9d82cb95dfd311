"""Un Redis escrito en Python, para las máquinas donde no hay rueda de Valkey."""
