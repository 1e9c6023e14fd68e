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

void describe(const CLI::App &app, const std::string &name, std::vector<CommandText> &commands) {
  size_t own = commands.size();
  commands.push_back({name, app.get_description(), {}, {}});
  addFlags(app, commands[own].flags);
  for (const CLI::App *command : app.get_subcommands(nullptr)) {
    if (command->get_name().empty() || command->get_group().empty()) continue;
    commands[own].commands.push_back(command->get_name());
    describe(*command, name.empty() ? command->get_name() : name + " " + command->get_name(), commands);
  }
}
}  // namespace

std::vector<CommandText> describeParser(const CLI::App &app) {
  std::vector<CommandText> commands;
  describe(app, "", commands);
  return commands;
}

}  // namespace llc::cli
