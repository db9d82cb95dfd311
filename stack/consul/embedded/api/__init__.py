"""La API HTTP de Consul: cada fichero, una parte de https://developer.hashicorp.com/consul/api-docs."""
