"""Las páginas de MinIO: buckets, objetos, versiones y vistas previas, leídos con el cliente minio."""
