"""Los runtimes: tres maneras de correr el mismo servicio, detrás de un solo Protocol (`stack.runtimes.base`)."""
