#!/bin/sh
# What a container file cannot say: files are for their owner alone, and as many may be open as the limit allows.
set -eu
umask 077
ulimit -n "$(ulimit -Hn)"
exec "$@"
