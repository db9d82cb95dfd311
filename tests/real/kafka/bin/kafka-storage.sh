#!/bin/sh
# kafka-storage.sh format --standalone -t IDENTIFICADOR -c server.properties
exec "$(dirname "$0")/kafka-run-class.sh" kafka.tools.StorageTool "$@"
