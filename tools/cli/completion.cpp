// completion: scripts for shells, written from the parser, so that they never lag behind it.
#include <fmt/format.h>

#include "tools/cli/command.h"
#include "tools/cli/parser_walk.h"

namespace llc::cli {

namespace {
struct CompletionFlags {
  std::string shell;
};

std::string joined(const CommandText &command) {
  std::string names;
  for (const FlagText &flag : command.flags)
    for (const std::string &name : flag.names) names += (names.empty() ? "" : " ") + name;
  return names;
}

std::string commandNames(const CommandText &command) { return fmt::format("{}", fmt::join(command.commands, " ")); }

bool isNested(const CommandText &command) { return command.name.find(' ') != std::string::npos; }
// "data" of "data prepare"
std::string groupOf(const CommandText &command) { return command.name.substr(0, command.name.find(' ')); }
std::string ownName(const CommandText &command) { return command.name.substr(command.name.find(' ') + 1); }

std::string bashScript(const std::vector<CommandText> &commands) {
  std::string cases;
  for (const CommandText &command : commands)
    if (isNested(command)) cases += fmt::format("    \"{}\") words=\"{}\" ;;\n", command.name, joined(command));
  for (size_t i = 1; i < commands.size(); ++i) {
    if (isNested(commands[i])) continue;
    bool group = !commands[i].commands.empty();
    cases += fmt::format("    \"{} \"*) words=\"{}{}\"{} ;;\n", commands[i].name,
                         group ? commandNames(commands[i]) + " " : "", joined(commands[i]), group ? " first=2" : "");
  }
  return fmt::format(
      R"(# bash completion of llc-model; source it, or put it into /usr/share/bash-completion/completions/llc-model
_llc_model() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} words first=1
  case "${{COMP_WORDS[1]}} ${{COMP_WORDS[2]}}" in
{}    *) words="{} {}" ;;
  esac
  if [[ $COMP_CWORD -eq 1 ]]; then words="{} {}"; fi
  COMPREPLY=()
  if [[ $COMP_CWORD -eq $first || $current == -* ]]; then
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$words" -- "$current")
  fi
}}
complete -o default -o bashdefault -F _llc_model llc-model
)",
      cases, commandNames(commands[0]), joined(commands[0]), commandNames(commands[0]), joined(commands[0]));
}

// Text inside single quotes of zsh and fish, without what zsh's _arguments gives a meaning.
std::string escaped(const std::string &text) {
  std::string out;
  for (char c : text) {
    if (c == '\'')
      out += "'\\''";
    else if (c == '[' || c == ']' || c == ':')
      out += ' ';
    else
      out += c;
  }
  return out;
}

std::string zshScript(const std::vector<CommandText> &commands) {
  std::string names, groups, cases;
  for (size_t i = 1; i < commands.size(); ++i) {
    if (!isNested(commands[i]))
      names += fmt::format("    '{}:{}'\n", commands[i].name, escaped(commands[i].description));
    if (!commands[i].commands.empty()) {
      groups += fmt::format(
          "    {}) if (( CURRENT == 2 )); then compadd {}; return; fi; command=\"$command $words[2]\"; "
          "shift words; (( CURRENT-- )) ;;\n",
          commands[i].name, commandNames(commands[i]));
      continue;
    }
    cases += fmt::format("    '{}') _arguments", commands[i].name);
    for (const FlagText &flag : commands[i].flags)
      for (const std::string &name : flag.names)
        cases += fmt::format(" \\\n      '{}[{}]{}'", name, escaped(flag.description),
                             flag.value.empty() ? "" : ":value:_files");
    cases += " \\\n      '*:model:_files' ;;\n";
  }
  return fmt::format(R"(#compdef llc-model
_llc_model() {{
  local -a commands=(
{})
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
{}  esac
  case $command in
{}  esac
}}
_llc_model "$@"
)",
                     names, groups, cases);
}

std::string fishScript(const std::vector<CommandText> &commands) {
  std::string script = "# fish completion of llc-model\n";
  for (const CommandText &command : commands) {
    std::string condition =
        command.name.empty() ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + groupOf(command);
    if (isNested(command)) {
      script += fmt::format("complete -c llc-model -n '{}' -a {} -d '{}'\n", condition, ownName(command),
                            escaped(command.description));
      condition += "; and __fish_seen_subcommand_from " + ownName(command);
    } else if (!command.name.empty()) {
      script += fmt::format("complete -c llc-model -n __fish_use_subcommand -a {} -d '{}'\n", command.name,
                            escaped(command.description));
    }
    for (const FlagText &flag : command.flags) {
      if (flag.names.empty()) continue;
      script += fmt::format("complete -c llc-model -n '{}'", condition);
      for (const std::string &name : flag.names)
        script += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      script += fmt::format("{} -d '{}'\n", flag.value.empty() ? "" : " -r", escaped(flag.description));
    }
  }
  return script;
}

Status runCompletion(Context &context, CLI::App &, CompletionFlags &options) {
  std::vector<CommandText> commands = describeParser(context.app);
  fmt::print("{}", options.shell == "bash"  ? bashScript(commands)
                   : options.shell == "zsh" ? zshScript(commands)
                                            : fishScript(commands));
  return success();
}
}  // namespace

void addCompletion(Context &context) {
  addCommand<CompletionFlags>(
      context, "completion", "Prints the completion script of a shell",
      [](CLI::App &app, CompletionFlags &options) {
        app.group("");
        app.add_option("SHELL", options.shell, "bash, zsh or fish")
            ->required()
            ->check(CLI::IsMember({"bash", "zsh", "fish"}));
      },
      runCompletion);
}

}  // namespace llc::cli
