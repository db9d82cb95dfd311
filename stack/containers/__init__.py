"""Docker: encontrar el motor, bajar las imágenes y contar bien lo que falla. Arrancar es de `stack.runtimes`."""
