// man: manual pages, written from the parser.
#include <fmt/format.h>

#include "tools/cli/command.h"
#include "tools/cli/parser_walk.h"

namespace llc::cli {

namespace {
struct Options {
  std::string command;
};

// Text for roff: dots and quotes at line starts and backslashes and hyphens have a meaning there.
std::string roff(const std::string &text) {
  std::string out;
  for (char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
      out += std::string("\\&") + c;
    else
      out += c;
  }
  return out;
}

std::string flagsSection(const CommandText &command) {
  std::string text, group;
  for (const FlagText &flag : command.flags) {
    if (flag.group != group) text += fmt::format(".SS {}\n", roff(group = flag.group));
    std::string names = flag.positional;
    for (const std::string &name : flag.names) names += (names.empty() ? "" : ", ") + name;
    text += fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", roff(names),
                        flag.value.empty() ? "" : " \\fI" + roff(flag.value) + "\\fR", roff(flag.description));
    if (!flag.defaultValue.empty()) text += fmt::format("Default: {}.\n", roff(flag.defaultValue));
  }
  return text;
}

// "data prepare" has the page llc-model-data-prepare.
std::string hyphened(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

std::string page(const CommandText &command, const std::vector<CommandText> &all) {
  std::string name = command.name.empty() ? "llc-model" : "llc-model-" + hyphened(command.name);
  std::string call = command.name.empty() ? "COMMAND [OPTIONS]" : command.name + " [OPTIONS]";
  for (const FlagText &flag : command.flags)
    if (!flag.positional.empty()) call += " [" + flag.positional + "]";
  std::string text =
      fmt::format(".TH {} 1 \"\" \"llc-model {}\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n\\fBllc\\-model\\fR {}\n", name,
                  LLC_VERSION, roff(name), roff(command.description), roff(call));
  if (!command.commands.empty()) {
    text += ".SH COMMANDS\n";
    for (const CommandText &other : all)
      if (!other.name.empty() && (command.name.empty() || other.name.starts_with(command.name + " ")))
        text +=
            fmt::format(".TP\n\\fB{}\\fR(1)\n{}\n", roff("llc-model-" + hyphened(other.name)), roff(other.description));
  }
  text += ".SH OPTIONS\n" + flagsSection(command);
  text +=
      ".SH EXIT STATUS\n0 success; 2 a mistake in the command or its input; 3 not possible with this machine or build; "
      "4 memory, disk or a limit ran out; 70 a bug.\n";
  return text;
}

Status run(Context &context, CLI::App &, Options &options) {
  std::vector<CommandText> commands = describeParser(context.app);
  std::vector<std::string> names;
  for (const CommandText &command : commands) {
    names.push_back(hyphened(command.name));
    if (names.back() == hyphened(options.command)) return fmt::print("{}", page(command, commands)), success();
  }
  std::string near = nearestNames(options.command, names);
  return diagnose(ErrorKind::notFound, options.command)
      .says("is no command")
      .toFix(near.empty() ? "see llc-model --help" : "did you mean " + near + "?");
}
}  // namespace

void addManual(Context &context) {
  addCommand<Options>(
      context, "man", "Prints the manual page of a command, or of the whole program",
      [](CLI::App &app, Options &options) {
        app.group("");
        app.add_option("COMMAND", options.command, "A command of llc-model");
      },
      run);
}

}  // namespace llc::cli
