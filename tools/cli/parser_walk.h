// What completion scripts and man pages need of the parser.
#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace llc::cli {

struct FlagText {
  std::vector<std::string> names;  // "-n", "--max-tokens"; empty for a positional
  std::string positional;          // "MODEL"
  std::string value;               // "TEXT", "INT" ...; empty for a switch
  std::string description, group, defaultValue;
};
struct CommandText {
  std::string name, description;
  std::vector<FlagText> flags;
  std::vector<std::string> commands;  // of a command that holds others
};

// The whole program first (with an empty name), then every command that --help shows; those inside another one follow it,
// named with it: "data prepare".
std::vector<CommandText> describeParser(const CLI::App &app);

}  // namespace llc::cli
