"""El motor: lee el diagrama de un flujo, lo ejecuta de verdad y prueba cada flecha."""
