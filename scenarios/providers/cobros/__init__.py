"""Cobros, un proveedor de pagos simulado: su API tiene la forma de la de Stripe y no mueve ni un céntimo."""
