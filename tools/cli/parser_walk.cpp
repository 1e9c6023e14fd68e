#include "tools/cli/parser_walk.h"

namespace llc::cli {

namespace {
void addFlags(const CLI::App &app, std::vector<FlagText> &flags) {
  bool isGroup = app.get_name().empty() && app.get_parent();  // an option group; it repeats --help
  for (const CLI::Option *option : app.get_options()) {
    if (isGroup && option == app.get_help_ptr()) continue;
    FlagText flag;
    for (const std::string &name : option->get_snames()) flag.names.push_back("-" + name);
    for (const std::string &name : option->get_lnames()) flag.names.push_back("--" + name);
    if (flag.names.empty()) flag.positional = option->get_name();
    if (option->get_type_size() != 0) flag.value = option->get_type_name();
    flag.description = option->get_description();
    flag.group = isGroup && !app.get_group().empty() ? app.get_group() : option->get_group();
    flag.defaultValue = option->get_default_str();
    flags.push_back(std::move(flag));
  }
  for (const CLI::App *group : app.get_subcommands(nullptr))
    if (group->get_name().empty()) addFlags(*group, flags);
}
}  // namespace

std::vector<CommandText> describeParser(const CLI::App &app) {
  std::vector<CommandText> commands(1);
  commands[0].description = app.get_description();
  addFlags(app, commands[0].flags);
  for (const CLI::App *command : app.get_subcommands(nullptr)) {
    if (command->get_name().empty() || command->get_group().empty()) continue;
    CommandText text{command->get_name(), command->get_description(), {}};
    addFlags(*command, text.flags);
    commands.push_back(std::move(text));
  }
  return commands;
}

}  // namespace llc::cli
