"""La Admin API (solo lectura, como Kong sin base de datos), la Status API y la página para personas."""
