#!/bin/sh
# kafka-server-start.sh server.properties [--override clave=valor]…
[ $# -gt 0 ] || { echo "uso: $0 server.properties" >&2; exit 1; }
exec "$(dirname "$0")/kafka-run-class.sh" kafka.Kafka "$@"
