"""Un fichero por verbo. Arriba solo lo ligero; lo que pesa se importa dentro de la función."""
