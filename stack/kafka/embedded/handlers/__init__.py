"""Una función por cada petición del protocolo: lee la petición, llama a las reglas y escribe la respuesta."""
