#!/bin/sh
# Como la oficial: lo que se le dé son órdenes de n8n.
exec n8n "$@"
