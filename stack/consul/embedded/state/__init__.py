"""Lo que guarda el servidor de Consul: catálogo, claves y sesiones, y el índice con que se cuentan los cambios."""
