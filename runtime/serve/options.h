// The flags that llc-model and compiled executables share, so that they are spelled and explained once.
#pragma once
#include <CLI/CLI.hpp>

#include "runtime/serve/commands.h"

namespace llc {

// Accepts 0, 1, 2 ...; says what it expected otherwise.
CLI::Validator wholeNumber();
CLI::Validator positiveNumber();  // 1, 2 ...

// -p/--prompt or --ids; `required`: one of them must be there.
void addInputFlags(CLI::App &app, TextOrIds &input, bool required);
// -n, --temp, --top-k ... --seed, --stop, --ignore-eos. The defaults in --help are the values that `options` has now.
void addGenerateFlags(CLI::App &app, GenerateOptions &options);
void addRunFlags(CLI::App &app, RunOptions &options);          // input, generation, --json, --echo, --stats
void addChatFlags(CLI::App &app, ChatOptions &options);        // --chat and what belongs to it; behind addRunFlags
void addScoreFlags(CLI::App &app, ScoreOptions &options);      // input, --json
void addSessionFlags(CLI::App &app, SessionOptions &options);  // --threads, --context
void addBenchFlags(CLI::App &app, BenchOptions &options);      // --prompt-tokens, --gen-tokens, --sequences, --repeats

}  // namespace llc
