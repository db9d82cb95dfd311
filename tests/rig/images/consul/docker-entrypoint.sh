#!/bin/sh
# Como la oficial: «agent …» recibe sus carpetas, CONSUL_LOCAL_CONFIG se escribe en un fichero y no corre como root.
set -e
if [ -n "$CONSUL_LOCAL_CONFIG" ]; then
  echo "$CONSUL_LOCAL_CONFIG" >/consul/config/local.json
fi
case $1 in -*) set -- agent "$@" ;; esac
if [ "$1" = agent ]; then
  shift
  set -- consul agent -data-dir=/consul/data -config-dir=/consul/config "$@"
elif [ "$1" = version ] || consul --help "$1" 2>&1 | grep -q "consul $1"; then
  set -- consul "$@"
fi
# Con CONSUL_DISABLE_PERM_MGMT la oficial no toca los permisos de nada, y tampoco deja de ser root.
if [ "$1" = consul ] && [ -z "${CONSUL_DISABLE_PERM_MGMT+x}" ]; then
  [ "$(stat -c %u /consul/data)" = "$(id -u consul)" ] || chown consul:consul /consul/data
  [ "$(stat -c %u /consul/config)" = "$(id -u consul)" ] || chown consul:consul /consul/config
  exec setpriv --reuid=consul --regid=consul --init-groups "$@"
fi
exec "$@"
