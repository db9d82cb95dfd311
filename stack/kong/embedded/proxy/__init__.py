"""El proxy: la conexión con el cliente, la conexión con el servicio y lo que pasa de una a otra."""
