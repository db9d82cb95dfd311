"""La escuela que comparten los flujos: sus tablas, la gente que hay al empezar y cómo se guarda una contraseña."""
