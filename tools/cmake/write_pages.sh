#!/bin/sh
# Writes completion scripts and manual pages:  write_pages.sh LLC_MODEL FOLDER COMMAND...
set -eu
program=$1 folder=$2
shift 2
mkdir -p "$folder/man1"
"$program" completion bash >"$folder/llc-model.bash"
"$program" completion zsh >"$folder/_llc-model"
"$program" completion fish >"$folder/llc-model.fish"
"$program" man >"$folder/man1/llc-model.1"
for command in "$@"; do
  "$program" man "$command" >"$folder/man1/llc-model-$command.1"
done
