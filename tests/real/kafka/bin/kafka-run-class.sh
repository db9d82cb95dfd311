#!/bin/sh
# Una clase de Kafka en una JVM que arranca deprisa. Las variables se llaman como en la distribución oficial.
home=$(cd "$(dirname "$0")/.." && pwd)
: "${KAFKA_HEAP_OPTS=-Xmx256M}" "${KAFKA_JVM_PERFORMANCE_OPTS=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC}"
: "${KAFKA_LOG4J_OPTS=-Dlog4j2.configurationFile=$home/config/log4j2.properties}"
# shellcheck disable=SC2086 # son listas de opciones
exec ${JAVA_HOME:+$JAVA_HOME/bin/}java $KAFKA_HEAP_OPTS $KAFKA_JVM_PERFORMANCE_OPTS $KAFKA_LOG4J_OPTS ${KAFKA_OPTS:-} \
  -cp "$home/libs/*" "$@"
