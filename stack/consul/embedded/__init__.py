"""El suplente de Consul: un agente que es su propio servidor, como `consul agent -dev`."""
