"""Los proveedores de fuera, simulados: la forma es la de una API de verdad, y la etiqueta dice que no lo es."""
