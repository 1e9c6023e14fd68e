#include "runtime/serve/usage_error.h"

#include <algorithm>

namespace llc {

namespace {
// Names that could have been meant where an argument was not understood.
std::vector<std::string> knownNames(const CLI::App &app, bool flags) {
  std::vector<std::string> names;
  for (const CLI::App *command : app.get_subcommands(nullptr)) {
    if (!flags && !command->get_group().empty() && !command->get_name().empty()) names.push_back(command->get_name());
    if (flags && command->get_name().empty())  // an option group
      for (std::string &name : knownNames(*command, true)) names.push_back(std::move(name));
  }
  if (flags)
    for (const CLI::Option *option : app.get_options())
      for (const std::string &name : option->get_lnames()) names.push_back("--" + name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Error notUnderstood(const CLI::App &command, const std::string &argument, const std::string &help) {
  bool flag = argument.starts_with("-"), holdsCommands = !knownNames(command, false).empty();
  std::string unknown = argument.substr(0, argument.find('='));
  std::string near = nearestNames(unknown, knownNames(command, flag));
  return diagnose(ErrorKind::invalidInput, unknown)
      .says(flag            ? "is no option here"
            : holdsCommands ? "is no command"
                            : "is one argument too many")
      .toFix(near.empty() ? help : "did you mean " + near + "? Otherwise " + help);
}

// CLI11 says "Could not convert: --seed = x".
std::optional<Error> notConverted(const CLI::App &command, std::string_view text, const std::string &help) {
  constexpr std::string_view begin = "Could not convert: ", between = " = ";
  size_t middle = text.find(between);
  if (!text.starts_with(begin) || middle == text.npos) return {};
  std::string name(text.substr(begin.size(), middle - begin.size())), value(text.substr(middle + between.size()));
  const CLI::Option *option = command.get_option_no_throw(name);
  std::string type = option ? option->get_type_name() : "";
  std::string expected = type.starts_with("INT")    ? "a whole number"
                         : type.starts_with("UINT") ? "a whole number from 0"
                                                    : "a number";
  return diagnose(ErrorKind::invalidInput, name).says("expected " + expected + ", found '" + value + "'").toFix(help);
}

Error otherwiseWrong(std::string what, std::string help) {
  // What checks an option may know the remedy; "At Most 1 required but received 2" is for programmers.
  constexpr std::string_view remedyMark = "; to fix: ";
  if (size_t remedy = what.find(remedyMark); remedy != what.npos) {
    help = what.substr(remedy + remedyMark.size());
    what.resize(remedy);
  }
  if (size_t twice = what.find(": At Most 1 required"); twice != what.npos)
    what.replace(twice, what.npos, ": is given more than once"), help = "give it once";
  return diagnose(ErrorKind::invalidInput).says(what).toFix(help);
}
}  // namespace

Error usageError(const CLI::App &app, const CLI::ParseError &error) {
  const CLI::App *command = &app;
  std::string name = app.get_name();
  for (auto chosen = command->get_subcommands(); !chosen.empty(); chosen = command->get_subcommands()) {
    command = chosen.front();
    name += " " + command->get_name();
  }
  std::string help = "see " + name + " --help";
  if (auto unknown = command->remaining(); !unknown.empty()) return notUnderstood(*command, unknown.front(), help);
  if (auto wrong = notConverted(*command, error.what(), help)) return *wrong;
  return otherwiseWrong(error.what(), help);
}

}  // namespace llc
