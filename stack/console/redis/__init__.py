"""Las páginas de Redis: claves, caducidades y valores, leídos con redis-py."""
