"""Los microservicios: uno por fichero, un proceso cada uno. Ninguno sabe que está en un laboratorio."""
