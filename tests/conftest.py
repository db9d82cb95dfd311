"""Lo que vale para todas las pruebas: salvo que se diga otra cosa, se prueba lo que trae pip.

Así dan lo mismo en un equipo con Docker o con programas reales que en uno sin nada.
"""

import os

from stack.runtimes.choice import PREFERRED

os.environ.setdefault(PREFERRED, "embedded")
