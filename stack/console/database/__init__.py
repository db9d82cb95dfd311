"""Las páginas de la base de datos: qué tablas hay, cómo son y qué tienen dentro."""
