"""Flujo C: finanzas cobra una matrícula sin saber dónde se cobra; se lo pregunta a Consul."""
